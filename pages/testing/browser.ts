/**
 * People with browsers, for tests: a service as a process of its own, its pages in Chromium, and no complaint of the
 * browser unheard.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContextOptions } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { chromiumMissing, launchChromium } from "../../gateway/testing/chromium.ts";
import { buildPages, type TestPages } from "../../gateway/testing/pages.ts";
import { GatewayProcess, WorkerWatch } from "../../gateway/testing/process.ts";
import { writeStyles } from "../../gateway/testing/service.ts";
import { PATIENCE_MS, Visitor } from "./visitor.ts";

/** Of a group of tests, with the reason where they are left out. */
export const inChromium = chromiumMissing === undefined ? "in Chromium" : `in Chromium (${chromiumMissing})`;

/** What `look` gives, as soon as it is as expected. */
export const eventually = <T>(look: () => T) => expect.poll(look, { timeout: PATIENCE_MS });

export interface SiteOptions {
  readonly flags?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Whether the styles are those that tell the stand-in for the worker what to do; a new service's own otherwise. */
  readonly hasTestStyles?: boolean;
  /** Called with the service's folder before it is started. */
  readonly prepare?: (folder: string) => Promise<void>;
}

/**
 * For the tests of one group: the pages are built, Chromium and the service started before them, and ended after them.
 */
export class BrowserSite {
  folder = "";
  workers!: WorkerWatch;
  gateway!: GatewayProcess;
  #browser!: Browser;
  #pages!: TestPages;
  readonly #options: SiteOptions;
  readonly #visitors: Visitor[] = [];

  constructor(options: SiteOptions = {}) {
    this.#options = options;
    beforeAll(() => this.#start());
    afterEach(async () => {
      const visitors = this.#visitors.splice(0);
      for (const { context } of visitors) await context.close();
      for (const { complaints } of visitors) expect(complaints).toEqual([]);
    });
    afterAll(() => this.#end());
  }

  get url(): string {
    return `http://127.0.0.1:${this.gateway.port}`;
  }

  /** Somebody with a browser of their own, on the page `hash`. */
  async visitor(hash = "#/", options: BrowserContextOptions = {}): Promise<Visitor> {
    const context = await this.#browser.newContext(options);
    const visitor = await Visitor.in(context, this.url);
    this.#visitors.push(visitor);
    await visitor.open(hash);
    return visitor;
  }

  /** Starts the service, at the port that it had. */
  async startGateway(): Promise<void> {
    const { flags = [], env = {} } = this.#options;
    const port = this.gateway === undefined ? [] : ["--port", String(this.gateway.port)];
    const own = ["--data", this.folder, ...port];
    const paths = { ...this.workers.env, TEST_PAGES: this.#pages.folder };
    this.gateway = await GatewayProcess.start([...own, ...flags], { ...paths, ...env });
  }

  /** Lets the workers of "gated.jpg" go on. */
  openGate(): Promise<void> {
    return writeFile(this.workers.env.TEST_GATE, "");
  }

  closeGate(): Promise<void> {
    return rm(this.workers.env.TEST_GATE, { force: true });
  }

  async #start(): Promise<void> {
    const { hasTestStyles = true, prepare } = this.#options;
    this.folder = await mkdtemp(join(tmpdir(), "stylize-browser-"));
    await mkdir(join(this.folder, "workers"));
    this.workers = new WorkerWatch(join(this.folder, "workers"));
    if (hasTestStyles) await writeStyles(join(this.folder, "objects"));
    await prepare?.(this.folder);
    [this.#pages, this.#browser] = await Promise.all([buildPages(), launchChromium()]);
    await this.startGateway();
  }

  async #end(): Promise<void> {
    await this.#browser?.close();
    await this.gateway?.[Symbol.asyncDispose]();
    await this.#pages?.[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }
}
