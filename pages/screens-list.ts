/** What there is to be seen: each page and each of its states, and how to get there. */
import { readFile } from "node:fs/promises";
import type { Locator, Page } from "playwright-core";
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

type Seen = (page: Page) => Locator;

const heading =
  (name: string | RegExp): Seen =>
  (page) =>
    page.getByRole("heading", { level: 1, name });
const greatWave: Seen = (page) => page.getByRole("radio", { name: "Great wave" });
const preview: Seen = (page) => page.getByRole("img", { name: "As far as it is painted" });
const slider: Seen = (page) => page.getByRole("slider");

/** The page at `hash`, once what is to be seen is there. */
const opened = (hash: string, seen: Seen) => async (visitor: Visitor) => {
  await visitor.open(hash);
  await seen(visitor.page).waitFor();
};

const openedJob =
  (name: keyof ScreensSite["jobs"], seen: Seen): Screen["show"] =>
  (visitor, jobs) =>
    opened(`#/job/${jobs[name].jobId}`, seen)(visitor);

export const screens: readonly Screen[] = [
  { name: "request", title: "A new picture", isDark: true, show: opened("#/", greatWave) },
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
      await opened("#/", greatWave)(visitor);
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
  { name: "job-waiting", title: "Waiting for its turn", show: openedJob("queued", heading(/Waiting/)) },
  { name: "job-warming-up", title: "Warming up a GPU", show: openedJob("silent", heading(/Warming/)) },
  { name: "job-painting", title: "Painting", isDark: true, show: openedJob("painting", preview) },
  { name: "job-done", title: "Painted", isDark: true, show: openedJob("done", slider) },
  {
    name: "job-delete",
    title: "Before it is deleted",
    async show(visitor, jobs) {
      await openedJob("done", slider)(visitor, jobs);
      await visitor.page.getByRole("button", { name: "Delete" }).click();
    },
  },
  { name: "job-failed", title: "Failed", show: openedJob("failed", heading(/did not work/)) },
  { name: "job-cancelled", title: "Cancelled", show: openedJob("cancelled", heading(/Cancelled/)) },
  { name: "job-unknown", title: "Not there any more", show: openedJob("gone", heading(/no such picture/)) },
  {
    name: "job-no-connection",
    title: "Without a connection",
    async show(visitor, jobs) {
      await openedJob("painting", preview)(visitor, jobs);
      await visitor.context.setOffline(true);
      await visitor.page.getByText("No connection.").waitFor();
    },
  },
  {
    name: "mine",
    title: "One's own pictures",
    isDark: true,
    async show(visitor) {
      await opened("#/mine", (page) => page.getByRole("progressbar", { name: "Painting" }))(visitor);
      await visitor.page.getByText("No longer kept").waitFor();
    },
  },
  {
    name: "mine-empty",
    title: "One's own pictures, before the first",
    hasOwnJobs: false,
    show: opened("#/mine", heading("No pictures yet")),
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
    show: opened("#/feed", (page) => page.getByText("Nothing hangs here yet")),
  },
  { name: "unknown", title: "No such page", show: opened("#/nowhere", heading("There is no such page")) },
];

async function openFeed(visitor: Visitor): Promise<void> {
  await opened("#/feed", (page) => page.getByRole("img", { name: "The original" }))(visitor);
  await visitor.page.getByRole("listitem").first().waitFor();
}
