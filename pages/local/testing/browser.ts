/** Chromium with a page that can paint, and the software adapter that it brings along for Node.js to paint on, too. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Browser, Page } from "playwright-core";
import { buildPagesOf } from "../../../gateway/testing/pages.ts";
import { startSite, type TestSite } from "../../../gateway/testing/site.ts";
import type { Painted, Testing, TestRequest } from "./page.ts";

const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** A site, with the policy and the rest of what gateways send, of one empty page with page.ts. */
export async function startTestPage(): Promise<TestSite> {
  const source = await mkdtemp(join(tmpdir(), "stylize-local-"));
  const script = '<script type="module" src="./main.ts"></script>';
  await writeFile(join(source, "index.html"), `<!doctype html><html lang="en"><head>${script}</head></html>`);
  await writeFile(join(source, "main.ts"), `import ${JSON.stringify(pathOf("page.ts"))};`);
  const pages = await buildPagesOf(source).finally(() => rm(source, { recursive: true }));
  const site = await startSite(pages.folder);
  const dispose = async () => {
    await site[Symbol.asyncDispose]();
    await pages[Symbol.asyncDispose]();
  };
  return { ...site, [Symbol.asyncDispose]: dispose };
}

export async function openPage(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(url);
  await page.waitForFunction(() => "testing" in globalThis);
  return page;
}

interface Global {
  readonly testing: Testing;
}

export const runIn = (page: Page, request: TestRequest): Promise<Painted> =>
  page.evaluate((asked) => (globalThis as unknown as Global).testing.run(asked), request);

export const decodeIn = (page: Page, picture: Uint8Array): Promise<number[]> =>
  page.evaluate(
    (base64) => (globalThis as unknown as Global).testing.decode(base64),
    Buffer.from(picture).toString("base64"),
  );

export const paintIn = (page: Page, content: string, style: string) =>
  page.evaluate((pictures) => (globalThis as unknown as Global).testing.paint(...pictures), [
    content,
    style,
  ] as const);

export const askIn = (page: Page): Promise<Awaited<ReturnType<Testing["canRunHere"]>>> =>
  page.evaluate(() => (globalThis as unknown as Global).testing.canRunHere());

export const keepTuning = (page: Page, fingerprint: string, text: string): Promise<void> =>
  page.evaluate((kept) => (globalThis as unknown as Global).testing.keepTuning(...kept), [
    fingerprint,
    text,
  ] as const);

export const keptTuning = (page: Page, fingerprint: string): Promise<string | undefined> =>
  page.evaluate((asked) => (globalThis as unknown as Global).testing.keptTuning(asked), fingerprint);

export interface NodePainted {
  readonly adapter: string;
  readonly losses: readonly number[];
}

/** Runs painter.ts on the driver that `driver` describes. */
export async function paintInNode(
  driver: string,
  content: string,
  style: string,
  result: string,
): Promise<NodePainted> {
  const env = { ...process.env, VK_DRIVER_FILES: driver, VK_ICD_FILENAMES: driver };
  const args = ["--import", "tsx", pathOf("painter.ts"), content, style, result];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  return JSON.parse(stdout.trim().split("\n").at(-1)!);
}
