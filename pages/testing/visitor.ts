/** Somebody with a browser who looks at the pages, for tests. */
import type { BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import sharp from "sharp";
import type { JobReference } from "../../protocol/protocol.ts";

/** Longer than anything takes on a busy machine. */
export const PATIENCE_MS = 40_000;

export const phone = {
  viewport: { width: 360, height: 740 },
  deviceScaleFactor: 2,
  hasTouch: true,
  isMobile: true,
} as const satisfies BrowserContextOptions;

/** What browsers say of connections that break. */
export const brokenConnections = [/WebSocket connection to .* failed/, /net::ERR_\w+/];

export class Visitor {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly #url: string;
  /** Errors that the browser wrote or a page threw, other than those that were to be expected. */
  readonly complaints: string[] = [];
  #expected: readonly RegExp[] = [];

  private constructor(context: BrowserContext, page: Page, url: string) {
    this.context = context;
    this.page = page;
    this.#url = url;
    const complain = (text: string) => {
      if (!this.#expected.some((one) => one.test(text))) this.complaints.push(text);
    };
    // what the policy forbids is an error of the console, too
    page.on("console", (message) => message.type() === "error" && complain(message.text()));
    page.on("pageerror", (error) => complain(String(error.stack ?? error)));
    page.on("crash", () => complain("The page crashed."));
  }

  static async in(context: BrowserContext, url: string): Promise<Visitor> {
    context.setDefaultTimeout(PATIENCE_MS);
    return new Visitor(context, await context.newPage(), url);
  }

  /** From now on these are no complaints. */
  expects(...complaints: readonly RegExp[]): void {
    this.#expected = complaints;
  }

  async open(hash: string): Promise<void> {
    await this.page.goto(`${this.#url}/${hash}`);
    await this.page.getByRole("main").waitFor();
  }

  heading(name: string | RegExp) {
    return this.page.getByRole("heading", { level: 1, name });
  }

  /** Chooses a picture and a style, and sends them. */
  async paint(request: PaintRequest): Promise<void> {
    await this.fill(request);
    await this.page.getByRole("button", { name: "Paint it" }).click();
  }

  async fill({ picture, style, isPublic = false }: PaintRequest): Promise<void> {
    const { page } = this;
    await page.getByLabel("Choose a picture").setInputFiles(picture);
    await page.getByRole("radio", { name: style, exact: true }).check();
    await page.getByRole("radio", { name: isPublic ? "Public" : "Private", exact: true }).check();
    await page.getByRole("img", { name: "To be painted" }).waitFor();
  }

  /** The newest of the jobs that this browser has the key of. */
  newestJob(): Promise<JobReference> {
    return this.page.evaluate(() => JSON.parse(localStorage.getItem("stylize:jobs")!)[0]);
  }
}

export interface PictureFile {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

export interface PaintRequest {
  readonly picture: PictureFile;
  /** As the page names it. */
  readonly style: string;
  readonly isPublic?: boolean;
}

/** A picture with something on it. */
export async function photo(width = 96, height = 72, name = "cat.jpg"): Promise<PictureFile> {
  const source = new URL("../../examples/chelsea.jpg", import.meta.url).pathname;
  const buffer = await sharp(source).resize(width, height, { fit: "fill" }).jpeg().toBuffer();
  return { name, mimeType: "image/jpeg", buffer };
}
