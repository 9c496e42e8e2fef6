/**
 * `npm run screens` writes docs/screens: every page and state at the widths of a phone, a tablet and a desk, the main
 * ones in the dark, too.
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import sharp from "sharp";
import { launchChromium } from "../gateway/testing/chromium.ts";
import { buildPages } from "../gateway/testing/pages.ts";
import { startSite } from "../gateway/testing/site.ts";
import { type Screen, screens } from "./screens-list.ts";
import { startScreensSite } from "./screens-site.ts";
import { phone, Visitor } from "./testing/visitor.ts";

const folder = fileURLToPath(new URL("../docs/screens", import.meta.url));
const MOST_BYTES = 40_000;

const widths = {
  360: phone,
  768: { viewport: { width: 768, height: 1024 }, hasTouch: true },
  1440: { viewport: { width: 1440, height: 900 } },
} as const;
type Width = keyof typeof widths;

interface Taking {
  readonly browser: Browser;
  readonly site: Awaited<ReturnType<typeof startScreensSite>>;
  /** Address of a service that has nothing yet. */
  readonly emptyUrl: string;
}

async function take({ browser, site, emptyUrl }: Taking, screen: Screen, width: Width, isDark: boolean) {
  const context = await browser.newContext({
    ...widths[width],
    colorScheme: isDark ? "dark" : "light",
    reducedMotion: "reduce",
  });
  const own = screen.hasOwnJobs === false ? [] : Object.entries(site.jobs).map(ownJob);
  await context.addInitScript((jobs) => localStorage.setItem("stylize:jobs", jobs), JSON.stringify(own));
  const visitor = await Visitor.in(context, screen.isEmpty ? emptyUrl : site.url);
  await screen.show(visitor, site.jobs);
  const { page } = visitor;
  await page.waitForFunction(() =>
    [...document.images]
      .filter((image) => image.getBoundingClientRect().top < innerHeight) // others wait until they are in sight
      .every(({ complete }) => complete),
  );
  if (screen.isWhole) {
    const height = await page.evaluate(() => document.documentElement.scrollHeight);
    await page.setViewportSize({ width, height }); // bars at its lower edge are there, and not in its midst
  }
  const shot = await page.screenshot({ animations: "disabled" });
  await context.close();
  const name = `${screen.name}-${width}${isDark ? "-dark" : ""}.jpg`;
  await writeFile(join(folder, name), await small(shot));
  return name;
}

function ownJob(
  [name, { jobId, token }]: [string, { readonly jobId: string; readonly token: string }],
  i: number,
) {
  const styles: Readonly<Record<string, string>> = {
    silent: "auvers.jpg",
    failed: "poppies.jpg",
    queued: "poppies.jpg",
  };
  const style = styles[name] ?? "great-wave.jpg";
  return { jobId, token, style, isPrivate: true, createdAt: Date.now() - i * 400_000 };
}

/** A JPEG of few bytes: phones' at one and a half times their pixels, that of a desk at three quarters of them. */
async function small(shot: Buffer): Promise<Buffer> {
  const { width = 0 } = await sharp(shot).metadata();
  const picture = sharp(shot).resize(width === 768 ? width : 0.75 * width);
  for (let quality = 72; ; quality -= 8) {
    const file = await picture.clone().jpeg({ quality, mozjpeg: true }).toBuffer();
    if (file.length < MOST_BYTES || quality < 32) return file;
  }
}

function page(): string {
  const rows = screens.map(({ name, title, isDark }) => {
    const row = (suffix: string) =>
      (["360", "768", "1440"] as const).map(
        (width) =>
          `<img src="${name}-${width}${suffix}.jpg" alt="${title}, ${width} pixels wide" ` +
          `width="${{ 360: 180, 768: 260, 1440: 400 }[width]}">`,
      );
    const lines = [row(""), ...(isDark ? [row("-dark")] : [])].map((cells) => `| ${cells.join(" | ")} |`);
    return [`## ${title}`, "", "| 360 | 768 | 1440 |", "|---|---|---|", ...lines, ""].join("\n");
  });
  return [
    "# The pages",
    "",
    "`npm run screens` takes these pictures anew, with little motion as some visitors ask for.",
    "",
    ...rows,
  ].join("\n");
}

async function main(): Promise<void> {
  const wanted = process.argv.slice(2);
  await using pages = await buildPages();
  await using site = await startScreensSite(pages.folder);
  await using empty = await startSite(pages.folder);
  await using browser = await launchChromium();
  if (wanted.length === 0) await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const taking = { browser, site, emptyUrl: empty.url };
  for (const screen of screens.filter(({ name }) => wanted.length === 0 || wanted.includes(name)))
    for (const width of Object.keys(widths).map(Number) as Width[])
      for (const isDark of screen.isDark ? [false, true] : [false])
        console.log(await take(taking, screen, width, isDark));
  await writeFile(join(folder, "README.md"), page());
}

await main();
