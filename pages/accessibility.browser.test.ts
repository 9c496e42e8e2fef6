/** Every page and state by axe-core's rules, in both colour schemes; and the whole request by keys alone. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import { describe, expect, it } from "vitest";
import { chromiumMissing } from "../gateway/testing/chromium.ts";
import { BrowserSite, inChromium } from "./testing/browser.ts";
import { brokenConnections, phone, photo, type Visitor } from "./testing/visitor.ts";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

type Axe = { readonly run: (options: object) => Promise<AxeResults> };

/** What axe finds on the page as it is now, in light and dark. */
async function violations({ page }: Visitor): Promise<string[]> {
  await page.evaluate(axe); // by the debugger: the page's own policy would not let it in
  const found: string[] = [];
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.evaluate(async () => {
      const ending = document
        .getAnimations()
        .filter((one) => one.effect?.getComputedTiming().endTime !== Infinity);
      await Promise.allSettled(ending.map(({ finished }) => finished)); // nothing is half there
    });
    const only = colorScheme === "light" ? {} : { runOnly: ["color-contrast"] }; // the rest is the same
    const results = await page.evaluate(
      (options) => (globalThis as unknown as { readonly axe: Axe }).axe.run(options),
      { ...only, resultTypes: ["violations"] },
    );
    for (const { id, nodes } of results.violations)
      found.push(...nodes.map(({ target }) => `${colorScheme} ${id}: ${target.join(" ")}`));
  }
  return found;
}

describe.skipIf(chromiumMissing)(inChromium, () => {
  const site = new BrowserSite({ flags: ["--workers", "1"] });
  const picture = () => photo(96, 72);

  it("the request page: empty, wrong, filled", async () => {
    const visitor = await site.visitor();
    const { page } = visitor;
    await page.getByRole("radio", { name: "Works" }).waitFor();
    expect(await violations(visitor)).toEqual([]);
    await page.getByRole("button", { name: "Paint it" }).click();
    await page.getByText("Choose a style.").waitFor();
    expect(await violations(visitor)).toEqual([]);
    await visitor.fill({ picture: await picture(), style: "Your own", isPublic: true });
    await page.getByText("More", { exact: true }).click();
    expect(await violations(visitor)).toEqual([]);
  });

  it("a job's page: painting, waiting, done, the question before deleting, failed; and one's own", async () => {
    const visitor = await site.visitor("#/", phone);
    const { page } = visitor;
    await visitor.paint({ picture: await picture(), style: "Gated" });
    await page.getByText("Step 1 of 2").waitFor();
    expect(await violations(visitor)).toEqual([]);
    const second = await site.visitor();
    await second.paint({ picture: await picture(), style: "Fails" });
    await second.heading("Waiting for its turn").waitFor();
    expect(await violations(second)).toEqual([]);
    await visitor.open("#/mine");
    await page.getByText("50 %").waitFor();
    expect(await violations(visitor)).toEqual([]);
    await page.getByRole("link", { name: "Gated" }).click();
    await site.openGate();
    await page.getByRole("slider").waitFor();
    expect(await violations(visitor)).toEqual([]);
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").waitFor();
    expect(await violations(visitor)).toEqual([]);
    await second.heading("This did not work").waitFor();
    expect(await violations(second)).toEqual([]);
  });

  it("what is empty or not there", async () => {
    const visitor = await site.visitor("#/mine");
    for (const hash of ["#/mine", "#/local", "#/nowhere", `#/job/${"0".repeat(32)}`, "#/feed"]) {
      await visitor.open(hash);
      await visitor.heading(/./).waitFor();
      expect([hash, await violations(visitor)]).toEqual([hash, []]);
    }
  });

  it("the feed: full, and one of its pictures alone; and a lost connection", async () => {
    const painter = await site.visitor();
    await painter.paint({ picture: await picture(), style: "Works", isPublic: true });
    await painter.heading("Painted in the style of Works").waitFor();
    await painter.page.getByRole("link", { name: "New picture" }).click();
    await painter.page.getByRole("button", { name: "Paint it" }).click();
    await painter.heading("Painted in the style of Works").waitFor();
    const visitor = await site.visitor("#/feed");
    const { page } = visitor;
    const first = page.getByRole("listitem").getByRole("button").first();
    await first.waitFor();
    expect(await violations(visitor)).toEqual([]);
    await first.click();
    const dialog = page.getByRole("dialog", { name: "Picture" });
    await dialog.getByRole("img").waitFor();
    expect(await violations(visitor)).toEqual([]);
    await page.keyboard.press("Escape");
    visitor.expects(...brokenConnections);
    await visitor.context.setOffline(true);
    await page.getByText("No connection.").waitFor();
    expect(await violations(visitor)).toEqual([]);
  });

  it("the whole request by keys alone", async () => {
    const visitor = await site.visitor();
    const { page } = visitor;
    const { keyboard } = page;
    await page.getByRole("radio", { name: "Works" }).waitFor();
    const reach = async (control: ReturnType<typeof page.getByRole>) => {
      for (let presses = 0; presses < 40; presses++) {
        if (await control.evaluate((element) => element === document.activeElement)) return;
        await keyboard.press("Tab");
      }
      throw new Error(`Expected to reach ${control} by Tab.`);
    };
    await keyboard.press("Tab");
    await keyboard.press("Enter"); // skips to the content
    const choosing = page.waitForEvent("filechooser"); // long before: it takes effect some time after the call
    await reach(page.getByLabel("Choose a picture"));
    await keyboard.press("Enter");
    await (await choosing).setFiles(await picture());
    await page.getByRole("img", { name: "To be painted" }).waitFor();

    await reach(page.getByRole("radio", { name: "Your own" }));
    const works = page.getByRole("radio", { name: "Works" });
    while (!(await works.isChecked())) await keyboard.press("ArrowRight");
    await reach(page.getByRole("radio", { name: "Balanced" }));
    await keyboard.press("ArrowRight");
    expect(await page.getByRole("radio", { name: "Bold" }).isChecked()).toBe(true);
    await reach(page.getByRole("radio", { name: "Private" }));
    await keyboard.press("ArrowDown");
    expect(await page.getByRole("radio", { name: "Public" }).isChecked()).toBe(true);
    await reach(page.getByRole("button", { name: "Paint it" }));
    await keyboard.press("Space");

    await visitor.heading("Painted in the style of Works").waitFor();
    await page.getByText("Public: everyone can see it").waitFor();
    const slider = page.getByRole("slider", { name: "Compare with the original" });
    await expect.poll(() => slider.inputValue()).toBe("38"); // it begins at its end, and rests behind the first frame
    await reach(slider);
    await keyboard.press("End");
    await expect.poll(() => slider.inputValue()).toBe("100");
    await reach(page.getByRole("button", { name: "Download" }));
    const [download] = await Promise.all([page.waitForEvent("download"), keyboard.press("Enter")]);
    expect(download.suggestedFilename()).toMatch(/^works-.*\.png$/);
    await reach(page.getByRole("button", { name: "Delete" }));
    await keyboard.press("Enter");
    await reach(page.getByRole("button", { name: "Delete it" }));
    await keyboard.press("Enter");
    await visitor.heading("No pictures yet").waitFor();
  });
});
