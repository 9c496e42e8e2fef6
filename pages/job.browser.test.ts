/**
 * What becomes of a job: waiting, painted, cancelled, failed, deleted, as its page and the list of one's own tell it.
 */
import { describe, expect, it } from "vitest";
import { chromiumMissing } from "../gateway/testing/chromium.ts";
import { BrowserSite, eventually, inChromium } from "./testing/browser.ts";
import { photo, type Visitor } from "./testing/visitor.ts";

describe.skipIf(chromiumMissing)(inChromium, () => {
  const site = new BrowserSite({ flags: ["--workers", "1"] });

  it("waits for its turn, shows a preview, and may be cancelled", async () => {
    await site.closeGate();
    const first = await site.visitor();
    const picture = await photo();
    await first.paint({ picture, style: "Gated" });
    await first.heading("Painting your picture").waitFor();
    await first.page.getByText("Step 1 of 2").waitFor();
    await first.page.getByRole("img", { name: "As far as it is painted" }).waitFor();

    const second = await site.visitor();
    await second.paint({ picture, style: "Works" });
    await second.heading("Waiting for its turn").waitFor();
    await second.page.getByText("Yours is the next.").first().waitFor();
    const third = await site.visitor();
    await third.paint({ picture, style: "Works" });
    await third.page.getByText("1 picture before yours.").first().waitFor();

    await second.page.getByRole("button", { name: "Cancel" }).click();
    await second.heading("Cancelled").waitFor();
    await eventually(() => second.page.title()).toBe("Cancelled - Stylize");
    await site.openGate();
    await third.heading("Painted in the style of Works").waitFor();
    await second.page.getByRole("link", { name: "Yours" }).click();
    await second.page.getByRole("link", { name: /^Cancelled.*Works/ }).waitFor();
  });

  it("that failed says why, and what to do", async () => {
    const visitor = await site.visitor();
    await visitor.paint({ picture: await photo(), style: "Fails" });
    await visitor.heading("This did not work").waitFor();
    await visitor.page
      .getByText(/^The style can't be read .* Choose another style\.$/)
      .first()
      .waitFor();
    await visitor.page.getByRole("link", { name: "Try again" }).click();
    await visitor.page.getByRole("img", { name: "To be painted" }).waitFor(); // nothing has to be chosen anew
  });

  it("is deleted after a question, for everyone", async () => {
    const visitor = await site.visitor();
    await visitor.paint({ picture: await photo(), style: "Works", isPublic: true });
    await visitor.heading("Painted in the style of Works").waitFor();
    const { page } = visitor;
    const result = await page.getByRole("img", { name: "Painted in the style of Works" }).getAttribute("src");
    const job = page.url();
    await page.getByRole("button", { name: "Delete" }).click();
    const dialog = page.getByRole("dialog", { name: "Delete this picture?" });
    await dialog.getByRole("button", { name: "Keep it" }).click();
    await dialog.waitFor({ state: "hidden" });
    expect(await focused(visitor)).toBe("Delete");
    await page.keyboard.press("Enter");
    await dialog.getByRole("button", { name: "Delete it" }).click();
    await visitor.heading("No pictures yet").waitFor();
    expect((await fetch(result!)).status).toBe(404);
    await page.goto(job);
    await visitor.heading("There is no such picture here").waitFor();
  });
});

function focused({ page }: Visitor): Promise<string | undefined> {
  return page.evaluate(() => document.activeElement?.textContent?.trim());
}
