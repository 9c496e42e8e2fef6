/** Somebody who has never seen the site has a photo painted on a phone, by the real worker. */
import { readFile } from "node:fs/promises";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { chromiumMissing } from "../gateway/testing/chromium.ts";
import { BrowserSite, eventually, inChromium } from "./testing/browser.ts";
import { phone, photo } from "./testing/visitor.ts";

/** A software adapter on a busy machine takes its time. */
const patient = { timeout: 200_000 };

describe.skipIf(chromiumMissing)(inChromium, () => {
  const site = new BrowserSite({
    flags: ["--weights", "compact"], // whatever was fetched on this machine
    env: { TEST_WORKER: "worker/main.ts", STYLIZE_STEPS: "20" },
    hasTestStyles: false,
  });

  it("a photo is painted on a phone, without instructions", async () => {
    const visitor = await site.visitor("#/", phone);
    const { page } = visitor;

    const choosing = page.waitForEvent("filechooser");
    await page.getByRole("radio", { name: "Great wave" }).waitFor();
    await page.getByRole("group", { name: "Your picture" }).tap();
    await (await choosing).setFiles(await photo(96, 72));
    await page.getByRole("img", { name: "To be painted: cat.jpg" }).waitFor();
    await page.getByRole("radio", { name: "Great wave" }).tap();
    await page.getByRole("button", { name: "Paint it" }).tap();

    await visitor.heading("Painting your picture").waitFor(patient);
    const painting = page.getByRole("progressbar", { name: "Painting" });
    await eventually(() => painting.getAttribute("value").then(Number)).toBeGreaterThan(0);
    await visitor.heading("Painted in the style of Great wave").waitFor(patient);
    expect(await page.title()).toBe("Done - Stylize");
    await page.getByText("Private: only its key opens it.").waitFor();

    const slider = page.getByRole("slider", { name: "Compare with the original" });
    await slider.waitFor();
    const stage = (await page.getByRole("figure").boundingBox())!;
    await page.touchscreen.tap(stage.x + 0.8 * stage.width, stage.y + stage.height / 2);
    expect(Number(await slider.inputValue())).toBeCloseTo(80, -0.5);
    await slider.press("Home");
    expect(await slider.getAttribute("aria-valuetext")).toBe("0 percent original, 100 percent painted");

    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download" }).tap(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^great-wave-[0-9a-f]{6}\.png$/);
    const file = await readFile(await download.path());
    expect(await sharp(file).metadata()).toMatchObject({ format: "png", width: 96, height: 72 });
    const { channels } = await sharp(file).stats(); // something is on it
    expect(Math.min(...channels.map(({ stdev }) => stdev))).toBeGreaterThan(10);

    const job = page.url();
    await page.getByRole("link", { name: "Yours" }).tap();
    await visitor.heading("Your pictures").waitFor();
    await page.getByRole("link", { name: /^Great wave.* · private$/ }).tap();
    await visitor.heading("Painted in the style of Great wave").waitFor();
    expect(page.url()).toBe(job);
  });
});
