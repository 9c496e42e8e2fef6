/** The client in a real browser, on a page of the service's origin. */
import type { Browser, Page } from "playwright-core";
import { build, type Rollup } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromiumMissing, launchChromium } from "../gateway/testing/chromium.ts";
import { TestService } from "../gateway/testing/service.ts";

/** The client for a page, as one script that makes `stylize`. */
async function bundle(): Promise<Rollup.OutputChunk> {
  const entry = new URL("index.ts", import.meta.url).pathname;
  const [built] = (await build({
    configFile: false,
    logLevel: "silent",
    build: { write: false, lib: { entry, formats: ["iife"], name: "stylize" } },
  })) as Rollup.RollupOutput[];
  return built!.output[0];
}

let script: Rollup.OutputChunk;
beforeAll(async () => {
  script = await bundle();
});

it("is nothing but itself and socket.io's client", () => {
  expect(script.moduleIds.filter((id) => /zod|protocol\.ts|browser-external/.test(id))).toEqual([]);
  expect(script.code.length).toBeLessThan(70_000);
});

describe.skipIf(chromiumMissing)("in Chromium", () => {
  let service: TestService;
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    service = await TestService.start();
    browser = await launchChromium();
    page = await browser.newPage({ bypassCSP: true }); // that of an answer which is no page lets nothing connect
    await page.goto(`http://127.0.0.1:${service.port}/healthz`);
    await page.evaluate(`${script.code}; globalThis.stylize = stylize`);
    await page.evaluate(`globalThis.noise = async (width, height, type) => {
      const canvas = new OffscreenCanvas(width, height);
      const pixels = new Uint8ClampedArray(width * height * 4).map(() => Math.random() * 256);
      canvas.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
      return canvas.convertToBlob({ type });
    }`);
    const devtools = await page.context().newCDPSession(page);
    const network = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 4_000_000 };
    await devtools.send("Network.emulateNetworkConditions", network); // bytes a second: slow enough to be watched
  });
  afterAll(async () => {
    await browser?.close();
    await service?.[Symbol.asyncDispose]();
  });

  it("sends a large picture and tells how much was sent, follows its job and sees the result", async () => {
    const outcome = await page.evaluate(`(async () => {
      const image = await noise(1200, 900, "image/png");
      const service = new stylize.ServiceClient(location.origin);
      const sent = [];
      const job = await service.transferStyle(
        { image, style: "works.jpg", isPrivate: true },
        { onUploadProgress: (progress) => sent.push(progress.sent) },
      );
      const statuses = [];
      const { result } = await service.finished(job, { onChange: ({ status }) => statuses.push(status) });
      const picture = new Image();
      picture.src = result;
      await picture.decode();
      service.close();
      return { bytes: image.size, sent, statuses, width: picture.naturalWidth };
    })()`);
    const { bytes, sent, statuses, width } = outcome as Record<"bytes" | "width", number> & {
      readonly sent: number[];
      readonly statuses: string[];
    };
    expect(bytes).toBeGreaterThan(2_000_000);
    expect(sent.some((part) => part > 0 && part < bytes)).toBe(true);
    expect([sent[0], sent.at(-1)]).toEqual([0, bytes]);
    expect(sent).toEqual([...sent].sort((a, b) => a - b));
    expect(statuses.at(-1)).toBe("succeeded");
    expect(width).toBe(1200);
  });

  it("sends small pictures within the message", async () => {
    const status = await page.evaluate(`(async () => {
      const image = await noise(64, 48, "image/jpeg");
      const service = new stylize.ServiceClient(location.origin);
      const job = await service.transferStyle({ image, style: image, isPrivate: false });
      const { status } = await service.finished(job);
      service.close();
      return status;
    })()`);
    expect(status).toBe("succeeded");
  });

  it("gives an upload up when it is told to", async () => {
    const outcome = await page.evaluate(`(async () => {
      const image = await noise(1200, 900, "image/png");
      const service = new stylize.ServiceClient(location.origin);
      const controller = new AbortController();
      let sent = 0;
      const error = await service.transferStyle(
        { image, style: "works.jpg", isPrivate: true },
        {
          signal: controller.signal,
          onUploadProgress: (progress) => {
            sent = progress.sent;
            if (sent > 0) controller.abort();
          },
        },
      ).catch((error) => error);
      service.close();
      return { name: error.name, sent };
    })()`);
    expect(outcome).toEqual({ name: "AbortError", sent: expect.any(Number) });
  });
});
