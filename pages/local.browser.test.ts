/** Somebody paints in their own browser: nothing is uploaded, and little is fetched. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromiumMissing, launchChromium } from "../gateway/testing/chromium.ts";
import { buildPages, type TestPages } from "../gateway/testing/pages.ts";
import { TestProxy } from "../gateway/testing/proxy.ts";
import { startSite, type TestSite } from "../gateway/testing/site.ts";
import { compact, compactSmall } from "../weights/shipped.ts";
import { inChromium } from "./testing/browser.ts";
import { photo, Visitor } from "./testing/visitor.ts";

/** Bytes until the first picture of a painting is seen. */
const MOST_FETCHED = 10_000_000;

/** A software adapter's first step, kernels included, on a busy machine. */
const patient = { timeout: 250_000 };

describe.skipIf(chromiumMissing)(inChromium, () => {
  let pages: TestPages;
  let proxy: TestProxy;
  let site: TestSite;
  let browser: Browser;

  beforeAll(async () => {
    proxy = await TestProxy.start(0);
    [pages, browser] = await Promise.all([buildPages(), launchChromium()]);
    site = await startSite(pages.folder, "--public-url", `http://127.0.0.1:${proxy.port}`);
    proxy.target = site.port;
  });
  afterAll(async () => {
    await browser?.close();
    await proxy?.[Symbol.asyncDispose]();
    await site?.[Symbol.asyncDispose]();
    await pages?.[Symbol.asyncDispose]();
  });

  /** Somebody with an empty cache, on the page of requests. */
  async function visitor(): Promise<Visitor> {
    const one = await Visitor.in(await browser.newContext(), `http://127.0.0.1:${proxy.port}`);
    await one.open("#/");
    return one;
  }

  async function paintHere({ page }: Visitor): Promise<void> {
    await page.getByLabel("Choose a picture").setInputFiles(await photo(256, 72)); // thin, for the adapter's sake
    await page.getByRole("radio", { name: "Great wave" }).check();
    await page.getByRole("radio", { name: "On my GPU" }).check();
    await page.getByText("Great wave · 256 × 72 · on your GPU").waitFor();
    await page.getByRole("button", { name: "Paint it" }).click();
  }

  it("the first picture at 256 pixels takes at most 10 MB, pages, engine and network together", async () => {
    const before = proxy.bytes;
    const one = await visitor();
    const pageAlone = proxy.bytes - before;
    expect(pageAlone).toBeGreaterThan(40_000);
    expect(pageAlone).toBeLessThan(compactSmall.size); // which comes only to those who paint
    await paintHere(one);
    await one.page.getByRole("img", { name: "As far as it is painted" }).waitFor(patient);
    const fetched = proxy.bytes - before;
    expect(fetched).toBeGreaterThan(pageAlone + compactSmall.size);
    expect(fetched - compactSmall.size + compact.size).toBeLessThan(MOST_FETCHED); // as with a GPU
    expect(one.complaints).toEqual([]);
    await one.context.close();
  });

  it.each([
    [
      "is not there",
      { status: 404 },
      /^Expected the network 'compact-small' at '\/assets\/\S+' but the answer was 404; load this page anew\.$/,
    ],
    [
      "is damaged",
      { body: Buffer.alloc(compactSmall.size) },
      /^Expected the network 'compact-small' in '\/assets\/\S+' as it was shipped but the file is damaged; load this page anew\.$/,
    ],
  ])("says so in a sentence when the network %s", async (_, answer, sentence) => {
    const one = await visitor();
    one.expects(/404/);
    let asked = 0;
    await one.context.route(/\.safetensors$/, (route) => {
      asked++;
      return route.fulfill(answer);
    });
    await paintHere(one);
    await one.heading("This did not work").waitFor();
    await one.page.getByText(sentence).waitFor();
    expect(asked).toBe(1);
    expect(one.complaints).toEqual([]);
    await one.context.close();
  });
});
