/** Who sees what: pictures that are private and public, and two people with a browser each. */
import { describe, expect, it } from "vitest";
import { chromiumMissing } from "../gateway/testing/chromium.ts";
import { BrowserSite, eventually, inChromium } from "./testing/browser.ts";
import { photo } from "./testing/visitor.ts";

describe.skipIf(chromiumMissing)(inChromium, () => {
  const site = new BrowserSite();

  it("a public picture appears in another's feed once, a private one never", async () => {
    const stranger = await site.visitor("#/feed");
    await stranger.page.getByRole("heading", { name: "Nothing hangs here yet" }).waitFor();
    const owner = await site.visitor();
    const picture = await photo();
    const hung = stranger.page.getByRole("listitem");

    for (const [i, isPublic] of [true, false, true].entries()) {
      if (i > 0) await owner.page.getByRole("link", { name: "New picture" }).click();
      if (i === 0) await owner.fill({ picture, style: "Works", isPublic });
      else
        await owner.page.getByRole("radio", { name: isPublic ? "Public" : "Private", exact: true }).check();
      await owner.page.getByRole("button", { name: "Paint it" }).click();
      await owner.heading("Painted in the style of Works").waitFor();
    }
    await eventually(() => hung.count()).toBe(2); // the last one came after the private one
    await stranger.page.reload();
    await hung.first().waitFor();
    expect(await hung.count()).toBe(2);
  });

  it("a private picture needs its key: its address alone opens nothing, the copied link everything", async () => {
    const owner = await site.visitor("#/", { permissions: ["clipboard-read", "clipboard-write"] });
    await owner.paint({ picture: await photo(), style: "Works" });
    await owner.heading("Painted in the style of Works").waitFor();
    const result = owner.page.getByRole("img", { name: "Painted in the style of Works" });
    const signed = new URL((await result.getAttribute("src"))!);
    expect(signed.pathname).toContain("/private/output/");
    expect((await fetch(signed)).status).toBe(200);
    expect((await fetch(new URL(signed.pathname, signed))).status).toBe(403);
    await owner.page.getByRole("button", { name: "Copy a link with the key" }).click();
    await owner.page.getByText("Copied.").waitFor();
    const link = await owner.page.evaluate(() => navigator.clipboard.readText());

    const { jobId } = await owner.newestJob();
    const other = await site.visitor(`#/job/${jobId}`);
    await other.heading("There is no such picture here").waitFor();
    await other.open(`#/job/${jobId}/${"x".repeat(43)}`);
    await other.heading("There is no such picture here").waitFor();
    await other.page.goto(link);
    await other.heading("Painted in the style of Works").waitFor();
    await eventually(() => other.page.url()).toBe(`${site.url}/#/job/${jobId}`); // the key is kept, and out of sight
    await other.page.reload();
    await other.heading("Painted in the style of Works").waitFor();
  });
});
