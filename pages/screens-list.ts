/** What there is to be seen: each page and each of its states, and how to get there. */
import { readFile } from "node:fs/promises";
import sharp from "sharp";
import { example, type ScreensSite } from "./screens-site.ts";
import type { PictureFile, Visitor } from "./testing/visitor.ts";

export interface Screen {
  readonly name: string;
  readonly title: string;
  readonly show: (visitor: Visitor, jobs: ScreensSite["jobs"]) => Promise<void>;
  /** In the dark, too. */
  readonly isDark?: boolean;
  /** To its end, not to that of the window. */
  readonly isWhole?: boolean;
  /** Of a service that has nothing yet. */
  readonly isEmpty?: boolean;
  readonly hasOwnJobs?: boolean;
}

async function picture(name = "chelsea", width = 600): Promise<PictureFile> {
  const buffer = await sharp(await readFile(example(name)))
    .resize(width)
    .jpeg({ quality: 95 })
    .toBuffer();
  return { name: `${name}.jpg`, mimeType: "image/jpeg", buffer };
}

async function fill(visitor: Visitor, isPublic = false): Promise<void> {
  await visitor.open("#/");
  await visitor.fill({ picture: await picture(), style: "Great wave", isPublic });
  await visitor.page.evaluate(() => scrollTo(0, 0));
}

const jobScreen = (
  name: string,
  job: keyof ScreensSite["jobs"],
  title: string,
  heading: RegExp,
  more: Partial<Screen> = {},
): Screen => ({
  name,
  title,
  async show(visitor, jobs) {
    await visitor.open(`#/job/${jobs[job].jobId}`);
    await visitor.heading(heading).waitFor();
  },
  ...more,
});

export const screens: readonly Screen[] = [
  {
    name: "request",
    title: "A new picture",
    isDark: true,
    async show(visitor) {
      await visitor.open("#/");
      await visitor.page.getByRole("radio", { name: "Great wave" }).waitFor();
    },
  },
  {
    name: "request-chosen",
    title: "A picture and a style are chosen",
    isDark: true,
    isWhole: true,
    show: (visitor) => fill(visitor),
  },
  {
    name: "request-own-style",
    title: "A style of one's own",
    async show(visitor) {
      await fill(visitor);
      const { page } = visitor;
      await page.getByRole("radio", { name: "Your own" }).check();
      await page.getByLabel("Choose a style").setInputFiles(await picture("poppies"));
      await page.getByRole("button", { name: "Remove style" }).scrollIntoViewIfNeeded();
    },
  },
  {
    name: "request-wrong",
    title: "Nothing is chosen",
    async show(visitor) {
      await visitor.open("#/");
      await visitor.page.getByRole("radio", { name: "Great wave" }).waitFor();
      await visitor.page.getByRole("button", { name: "Paint it" }).click();
      await visitor.page.getByText("Choose a style.").waitFor();
    },
  },
  {
    name: "request-unreadable",
    title: "A file that is no picture",
    async show(visitor) {
      await visitor.open("#/");
      const file = { name: "letter.jpg", mimeType: "image/jpeg", buffer: Buffer.from("Dear Sir") };
      await visitor.page.getByLabel("Choose a picture").setInputFiles(file);
      await visitor.page.getByText("can't read that file").waitFor();
    },
  },
  {
    name: "request-uploading",
    title: "Uploading",
    async show(visitor) {
      const { page, context } = visitor;
      await visitor.open("#/");
      await visitor.fill({ picture: await picture("astronaut", 3000), style: "Auvers" });
      const devtools = await context.newCDPSession(page);
      const network = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 60_000 };
      await devtools.send("Network.emulateNetworkConditions", network); // bytes a second
      await page.getByRole("button", { name: "Paint it" }).click();
      await page.getByText(/^[1-9]\d? %$/).waitFor();
      await page.evaluate(() => scrollTo(0, 0));
    },
  },
  jobScreen("job-waiting", "queued", "Waiting for its turn", /Waiting/),
  jobScreen("job-warming-up", "silent", "Warming up a GPU", /Warming/),
  {
    ...jobScreen("job-painting", "painting", "Painting", /Painting/, { isDark: true }),
    async show(visitor, jobs) {
      await visitor.open(`#/job/${jobs.painting.jobId}`);
      await visitor.page.getByRole("img", { name: "As far as it is painted" }).waitFor();
    },
  },
  {
    ...jobScreen("job-done", "done", "Painted", /Painted/, { isDark: true }),
    async show(visitor, jobs) {
      await visitor.open(`#/job/${jobs.done.jobId}`);
      await visitor.page.getByRole("slider").waitFor();
    },
  },
  {
    name: "job-delete",
    title: "Before it is deleted",
    async show(visitor, jobs) {
      await visitor.open(`#/job/${jobs.done.jobId}`);
      await visitor.page.getByRole("slider").waitFor();
      await visitor.page.getByRole("button", { name: "Delete" }).click();
    },
  },
  jobScreen("job-failed", "failed", "Failed", /did not work/),
  jobScreen("job-cancelled", "cancelled", "Cancelled", /Cancelled/),
  jobScreen("job-unknown", "gone", "Not there any more", /no such picture/),
  {
    name: "job-no-connection",
    title: "Without a connection",
    async show(visitor, jobs) {
      await visitor.open(`#/job/${jobs.painting.jobId}`);
      await visitor.page.getByRole("img", { name: "As far as it is painted" }).waitFor();
      await visitor.context.setOffline(true);
      await visitor.page.getByText("No connection.").waitFor();
    },
  },
  {
    name: "mine",
    title: "One's own pictures",
    isDark: true,
    async show(visitor) {
      await visitor.open("#/mine");
      await visitor.page.getByRole("progressbar", { name: "Painting" }).waitFor();
      await visitor.page.getByText("No longer kept").waitFor();
    },
  },
  {
    name: "mine-empty",
    title: "One's own pictures, before the first",
    hasOwnJobs: false,
    async show(visitor) {
      await visitor.open("#/mine");
      await visitor.heading("No pictures yet").waitFor();
    },
  },
  { name: "feed", title: "The feed", isDark: true, show: openFeed },
  {
    name: "feed-new",
    title: "New pictures, while one reads further down",
    async show(visitor) {
      await visitor.page.routeWebSocket(/socket\.io/, (socket) => {
        const server = socket.connectToServer();
        server.onMessage((message) => {
          socket.send(message);
          const [, start, first] = /^43(\d+)\[\{"images":\[(\{.*?\})/.exec(String(message)) ?? [];
          if (start === undefined) return;
          const image = { ...JSON.parse(first!), jobId: "f".repeat(32), endedAt: Date.now() };
          setTimeout(() => socket.send(`42${JSON.stringify(["TRANSFER_STYLE_COMPLETED", image])}`), 3000);
        });
      });
      await openFeed(visitor);
      await visitor.page.getByRole("listitem").nth(6).scrollIntoViewIfNeeded();
      await visitor.page.getByRole("button", { name: "1 new picture" }).waitFor();
    },
  },
  {
    name: "feed-picture",
    title: "One picture of the feed",
    isDark: true,
    async show(visitor) {
      await openFeed(visitor);
      await visitor.page.getByRole("listitem").getByRole("button").first().click();
      await visitor.page.getByRole("dialog").getByRole("img").waitFor();
    },
  },
  {
    name: "feed-empty",
    title: "The feed, before the first picture",
    isEmpty: true,
    async show(visitor) {
      await visitor.open("#/feed");
      await visitor.page.getByText("Nothing hangs here yet").waitFor();
    },
  },
  {
    name: "unknown",
    title: "No such page",
    async show(visitor) {
      await visitor.open("#/nowhere");
      await visitor.heading("There is no such page").waitFor();
    },
  },
];

async function openFeed(visitor: Visitor): Promise<void> {
  await visitor.open("#/feed");
  await visitor.page.getByRole("img", { name: "The original" }).waitFor();
  await visitor.page.getByRole("listitem").first().waitFor();
}
