/**
 * The feed as a reader sees it: older pictures as one scrolls, new ones without a jump, nothing twice, nothing missed.
 */
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { chromiumMissing } from "../gateway/testing/chromium.ts";
import { dataUrl, TestClient } from "../gateway/testing/client.ts";
import { testPicture } from "../gateway/testing/service.ts";
import { BrowserSite, eventually, inChromium } from "./testing/browser.ts";
import { writeJobs } from "./testing/records.ts";
import { brokenConnections, photo, type Visitor } from "./testing/visitor.ts";

const size = { viewport: { width: 900, height: 700 } };

describe.skipIf(chromiumMissing)(inChromium, () => {
  let written = 0;
  /** Hangs pictures, each in a style of its own, the last of them the newest: "Style 1" and on. */
  async function hang(folder: string, count: number): Promise<void> {
    const content = (await photo(48, 36)).buffer;
    const result = await sharp(content).negate().png().toBuffer();
    const names = Array.from({ length: count }, () => `style ${++written}.jpg`);
    const now = Date.now() - count;
    await writeJobs(
      folder,
      names.map((style, i) => ({ content, result, style, endedAt: now + i })),
    );
  }
  const site = new BrowserSite({ prepare: (folder) => hang(folder, 60) });

  /** Somebody else's picture. */
  async function paintPublic(): Promise<void> {
    using client = await TestClient.connect(site.gateway.port);
    const job = await client.start({
      image: dataUrl(await testPicture("teal")),
      style: "works.jpg",
      isPrivate: false,
    });
    await client.next(`TRANSFER_STYLE_COMPLETED::${job.jobId}`);
  }

  it("older pictures come as one scrolls, up to the last", async () => {
    const { page } = await site.visitor("#/feed", size);
    const hung = page.getByRole("listitem");
    await eventually(() => hung.count()).toBe(24);
    const end = page.getByText("That is all of them.");
    await page.mouse.move(450, 400);
    await eventually(async () => {
      await page.mouse.wheel(0, 2000);
      return end.isVisible();
    }).toBe(true);
    expect(await titles(page)).toEqual(Array.from({ length: 60 }, (_, i) => `Style ${60 - i}`));
  });

  it("a new picture waits where one reads further down, and nothing moves", async () => {
    const { page } = await site.visitor("#/feed", size);
    const read = page.getByRole("listitem").nth(14);
    await read.scrollIntoViewIfNeeded();
    const look = () =>
      read.evaluate((item) => ({ scrollY, top: item.getBoundingClientRect().top, text: item.textContent }));
    await read.getByRole("button").hover();
    const { scrollY: before } = await look();
    await page.mouse.wheel(0, 37);
    await eventually(async () => (await look()).scrollY).toBe(before + 37); // scrolling has come to rest
    const last = await look();
    expect(last.scrollY).toBeGreaterThan(300);

    await paintPublic();
    const pill = page.getByRole("button", { name: "1 new picture" });
    await pill.waitFor();
    expect(await look()).toEqual(last);
    await paintPublic();
    await page.getByRole("button", { name: "2 new pictures" }).click();
    await eventually(() => titles(page).then((all) => all.slice(0, 3))).toEqual([
      "Works",
      "Works",
      expect.stringMatching(/^Style/),
    ]);
    const isFocused = () => document.activeElement?.textContent;
    expect(await page.evaluate(isFocused)).toBe("Latest pictures");
  });

  it("at its top new pictures hang at once", async () => {
    const { page } = await site.visitor("#/feed", size);
    const before = (await titles(page)).filter((title) => title === "Works").length;
    await paintPublic();
    await eventually(() => titles(page).then((all) => all.filter((title) => title === "Works").length)).toBe(
      before + 1,
    );
    expect(await page.getByRole("button", { name: /new picture/ }).count()).toBe(0);
  });

  it("what was painted while the gateway was away is there after it, each once", async () => {
    const top = await site.visitor("#/feed", size);
    const below = await site.visitor("#/feed", size);
    for (const visitor of [top, below]) visitor.expects(...brokenConnections);
    const before = await titles(top.page);
    await below.page.getByRole("listitem").nth(14).scrollIntoViewIfNeeded();
    await site.gateway.kill();
    await top.page.getByText("No connection. Trying again").waitFor();
    await hang(site.folder, 3);
    await site.startGateway();
    const newest = [written, written - 1, written - 2].map((number) => `Style ${number}`);
    await eventually(() => titles(top.page)).toEqual([...newest, ...before]);
    await below.page.getByRole("button", { name: "3 new pictures" }).click();
    await eventually(() => titles(below.page).then((all) => all.slice(0, 4))).toEqual([...newest, before[0]]);
  });

  describe("the gallery", () => {
    const shown = ({ page }: Visitor) =>
      page.getByRole("region", { name: "Gallery" }).getByRole("heading").textContent();
    /** With a clock that tests can put forward. */
    async function watching(options: object = {}): Promise<Visitor> {
      const visitor = await site.visitor("#/feed", { ...size, ...options });
      await visitor.page.clock.install();
      await visitor.page.reload();
      await visitor.page.getByRole("button", { name: "Next picture" }).waitFor();
      return visitor;
    }

    it("goes on by itself until it is told to pause, and by keys", async () => {
      const visitor = await watching();
      const { page } = visitor;
      const first = await shown(visitor);
      await page.clock.fastForward(9000);
      await eventually(() => shown(visitor)).not.toBe(first);
      await page.getByRole("button", { name: "Pause" }).click();
      const second = await shown(visitor);
      await page.clock.fastForward(60_000);
      await page.getByRole("button", { name: "Play" }).waitFor();
      expect(await shown(visitor)).toBe(second);
      await page.getByRole("region", { name: "Gallery" }).press("ArrowLeft");
      await eventually(() => shown(visitor)).toBe(first);
    });

    it("stays as it is where little motion is wanted", async () => {
      const visitor = await watching({ reducedMotion: "reduce" });
      const { page } = visitor;
      await page.getByRole("button", { name: "Play" }).waitFor();
      const [first, second] = await titles(page);
      expect(await shown(visitor)).toBe(first);
      await page.clock.fastForward(60_000);
      await page.getByRole("button", { name: "Next picture" }).click();
      await eventually(() => shown(visitor)).not.toBe(first);
      expect(await shown(visitor)).toBe(second); // not the one after it
    });
  });
});

/** Of the pictures on the wall. */
async function titles(page: Visitor["page"]): Promise<string[]> {
  await page.getByRole("listitem").first().waitFor();
  return page
    .getByRole("listitem")
    .evaluateAll((items) => items.map((item) => item.querySelector("p span")!.textContent!));
}
