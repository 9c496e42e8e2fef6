/**
 * The engine in a real browser, on the software adapter that Chromium brings along, under the policy that gateways
 * send.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import sharp, { type Sharp } from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  chromiumMissing,
  findChromium,
  launchChromium,
  swiftShader,
} from "../../gateway/testing/chromium.ts";
import type { TestSite } from "../../gateway/testing/site.ts";
import { decodePicture } from "../../pictures/index.ts";
import {
  askIn,
  decodeIn,
  keepTuning,
  keptTuning,
  openPage,
  paintIn,
  paintInNode,
  runIn,
  startTestPage,
} from "./testing/browser.ts";

/** A step takes seconds there, however small the picture is. */
const STEPS = 2;

const example = (name: string, width: number, height: number): Sharp =>
  sharp(`examples/${name}.jpg`).resize(width, height, { fit: "fill" });

describe.skipIf(chromiumMissing)("in Chromium", () => {
  let folder: string;
  let site: TestSite;
  let browser: Browser;
  let page: Page;
  let content: Buffer;
  let style: Buffer;
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
  const request = (options = {}) => ({ content: base64(content), style: base64(style), options });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "stylize-local-test-"));
    content = await example("astronaut", 47, 45).png().toBuffer();
    style = await example("auvers", 41, 37).png().toBuffer();
    site = await startTestPage();
    browser = await launchChromium();
    page = await openPage(browser, site.url);
  });
  afterAll(async () => {
    await browser?.close();
    await site?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  it("finds the software adapter and says what it is", async () => {
    const found = await askIn(page);
    expect(found).toEqual({
      adapter: expect.stringContaining("swiftshader"),
      isSoftware: true,
      maxSize: 256,
    });
  });

  it.skipIf(swiftShader() === undefined)("paints what Node.js paints on the same adapter", async () => {
    const here = await paintIn(page, base64(content), base64(style));
    const paths = ["content.png", "style.png", "result.png"].map((name) => join(folder, name));
    const [contentPath, stylePath, resultPath] = paths as [string, string, string];
    await writeFile(contentPath, content);
    await writeFile(stylePath, style);
    const there = await paintInNode(swiftShader()!, contentPath, stylePath, resultPath);
    expect(there.adapter).toContain("SwiftShader");
    expect(there.losses).toHaveLength(5);
    const ratios = there.losses.map((loss, i) => here.losses[i]! / loss - 1);
    expect(Math.max(...ratios.map(Math.abs))).toBeLessThan(1e-3);

    const { picture } = await decodePicture(Buffer.from(here.result, "base64"));
    const { picture: expected } = await decodePicture(resultPath);
    expect([picture.width, picture.height]).toEqual([47, 45]);
    const differences = picture.data.map((value, i) => Math.abs(value - expected.data[i]!));
    expect(Math.max(...differences)).toBeLessThan(1.01 / 255); // what is 1e-3 apart may be rounded apart
    expect(differences.reduce((sum, value) => sum + value, 0) / differences.length).toBeLessThan(1e-3);
  });

  it("paints in a worker, tells how far it is and leaves the page at hand", async () => {
    const running = runIn(page, request({ steps: STEPS, size: 40 }));
    await expect.poll(() => page.workers().length).toBe(1);
    const { result, type, news, ms, longestPause, failure } = await running;
    expect(failure).toBeUndefined();
    await noWorker(page);
    expect(longestPause).toBeLessThan(ms / 4);
    expect(type).toBe("image/png");
    const { width, height, format } = await sharp(Buffer.from(result!, "base64")).metadata();
    expect({ width, height, format }).toEqual({ width: 40, height: 38, format: "png" });

    const fractions = (news as readonly { downloading?: number }[]).flatMap((one) => one.downloading ?? []);
    expect(fractions.at(-1)).toBe(1);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    const progress = news.slice(fractions.length) as readonly unknown[] as readonly {
      step: number;
      total: number;
      loss: number;
      etaMs: number;
      at: number;
    }[];
    expect(progress[0]).toMatchObject({ step: 1, total: STEPS, etaMs: expect.any(Number) });
    for (const [i, { step, loss, at }] of progress.slice(1).entries()) {
      expect(step).toBeGreaterThan(progress[i]!.step);
      expect(loss).toBeLessThan(progress[i]!.loss);
      expect(at - progress[i]!.at).toBeGreaterThan(400);
    }
  });

  it("keeps what was found out about kernels from visit to visit, by adapter", async () => {
    const fingerprint = "vendor | GPU 1/2 (50 %) | driver #3";
    expect(await keptTuning(page, fingerprint)).toBeUndefined();
    await keepTuning(page, fingerprint, "first");
    await keepTuning(page, fingerprint, "second");
    await keepTuning(page, `${fingerprint}.`, "another");
    await page.reload();
    await page.waitForFunction(() => "testing" in globalThis);
    expect(await keptTuning(page, fingerprint)).toBe("second");
  });

  it("stops at once when it is told to, and the device goes with the worker", async () => {
    const { failure, ms } = await runIn(page, { ...request({ steps: 2000 }), stopAfter: 3000 });
    expect(failure).toMatchObject({ isStylizeError: true, code: "aborted" });
    expect(ms).toBeGreaterThan(2999);
    await noWorker(page);
  });

  it.each([
    [
      "no picture",
      () => Buffer.from("<html>"),
      /^Expected a picture that this browser can read but 'content'/,
    ],
    [
      "cut short",
      () => content.subarray(0, 300),
      /^Expected a picture that this browser can read but 'content'/,
    ],
    [
      "too small",
      () => example("auvers", 40, 20).png().toBuffer(),
      /32 pixels on its short side but it has 40x20/,
    ],
  ])("refuses a picture that is %s", async (_, make, message) => {
    const { failure } = await runIn(page, { ...request(), content: base64(await make()) });
    expect(failure).toEqual({
      isStylizeError: true,
      code: "bad-picture",
      message: expect.stringMatching(message),
    });
  });

  it.each([
    ["is not there", "/weights/none", "download-failed", /'\/weights\/none' but the answer was 404/],
    ["is something else", "/", "bad-weights", /^Expected a safetensors header/],
  ])("refuses a network that %s", async (_, weightsUrl, code, message) => {
    const { failure } = await runIn(page, { ...request(), weightsUrl });
    expect(failure).toEqual({ isStylizeError: true, code, message: expect.stringMatching(message) });
  });

  it.each([
    ["turned by EXIF", () => example("auvers", 40, 34).withMetadata({ orientation: 6 }).png(), 0],
    ["nearly transparent", () => transparent(), 0],
    ["of another colour space", () => example("auvers", 40, 34).withIccProfile("p3").png(), 2],
  ])("decodes a picture as Node.js does that is %s", async (_, make, tolerance) => {
    const bytes = await make().toBuffer();
    const { picture } = await decodePicture(bytes);
    const expected = [...picture.data, ...(picture.opacity ?? [])].map((value) => Math.round(255 * value));
    const [width, height, ...samples] = await decodeIn(page, bytes);
    expect([width, height, samples.length]).toEqual([picture.width, picture.height, expected.length]);
    const differences = samples.map((sample, i) => Math.abs(sample - expected[i]!));
    expect(Math.max(...differences)).toBeLessThanOrEqual(tolerance);
  });

  it("lets no hidden colour into a picture that the browser has to shrink", async () => {
    const [width, height] = [16_400, 68]; // longer than a texture may be
    const samples = new Uint8Array(4 * width * height);
    for (let i = 0; i < width * height; i++)
      samples.set((i % width) % 11 < 6 ? [200, 80, 20, 255] : [0, 255, 0, 0], 4 * i);
    const bytes = await sharp(samples, { raw: { width, height, channels: 4 } })
      .png()
      .toBuffer();
    const [toWidth, toHeight, ...planes] = (await decodeIn(page, bytes)) as [number, number, ...number[]];
    const pixels = toWidth * toHeight;
    expect([toWidth, planes.length]).toEqual([8192, 4 * pixels]);
    const seen = Array.from({ length: pixels }, (_, i) => i).filter((i) => planes[3 * pixels + i]! > 60);
    expect(seen.length).toBeGreaterThan(pixels / 3);
    for (const [c, value] of [200, 80, 20].entries()) {
      const differences = seen.map((i) => Math.abs(planes[c * pixels + i]! - value));
      expect(differences.reduce((a, b) => Math.max(a, b), 0)).toBeLessThanOrEqual(4);
    }
  });

  it.each([1000, 4000])(
    "says that the device was lost when the GPU's process goes after %i ms",
    async (ms) => {
      const running = runIn(page, request({ steps: 2000 }));
      await expect.poll(() => page.workers().length).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, ms));
      const devtools = await browser.newBrowserCDPSession();
      await devtools.send("Browser.crashGpuProcess");
      const { failure } = await running;
      expect(failure).toMatchObject({ isStylizeError: true, code: "device-lost" });
    },
  );

  it("can't be done where there is no WebGPU, as on a page without TLS", async () => {
    await using other = await launchChromium(["--host-resolver-rules=MAP stylize.test 127.0.0.1"]);
    await expectNothing(await openPage(other, `http://stylize.test:${site.port}`), false);
  });

  it("can't be done where there is no adapter", async () => {
    await using other = await chromium.launch({ executablePath: findChromium()!, args: ["--no-sandbox"] });
    await expectNothing(await openPage(other, site.url), true);
  });

  async function expectNothing(empty: Page, hasWebGpu: boolean): Promise<void> {
    expect(await empty.evaluate(() => "gpu" in navigator)).toBe(hasWebGpu);
    expect(await askIn(empty)).toBeUndefined();
    const { failure } = await runIn(empty, request());
    expect(failure).toMatchObject({ isStylizeError: true, code: "no-adapter" });
  }
});

/** A browser takes up to some seconds to end a worker that is busy. */
const noWorker = (page: Page) => expect.poll(() => page.workers(), { timeout: 20_000 }).toEqual([]);

/** Opacity from 0 to 20 of 255 across, over colours. */
function transparent(): Sharp {
  const [width, height] = [42, 36];
  const samples = Uint8Array.from({ length: 4 * width * height }, (_, i) =>
    i % 4 === 3 ? Math.floor(i / 4) % 21 : (37 * i) % 256,
  );
  return sharp(samples, { raw: { width, height, channels: 4 } }).png();
}
