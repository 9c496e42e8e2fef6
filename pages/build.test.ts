/**
 * What vite.config.ts builds, under the policy that it is served with, in a real browser: a small site that uses what
 * ours may use.
 */
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromiumMissing, launchChromium } from "../gateway/testing/chromium.ts";
import { buildPagesOf, type TestPages } from "../gateway/testing/pages.ts";
import { startSite, type TestSite } from "../gateway/testing/site.ts";

const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"></svg>';

const source: Readonly<Record<string, string>> = {
  "index.html": `<!doctype html><html lang="en"><head><title>A site</title><link rel="icon" href="./icon.svg" />
    <script type="module" src="./main.tsx"></script></head><body><div id="app"></div></body></html>`,
  "icon.svg": svg.replace("8", "16"),
  "picture.svg": svg,
  "copy.wgsl": "// a shader",
  "main.css": 'p { color: rgb(1, 2, 3); background: url("./picture.svg") }',
  "main.tsx": `import { render } from "preact";
    import { useState } from "preact/hooks";
    import "./main.css";
    import picture from "./picture.svg";
    import shader from "./copy.wgsl?raw";
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    function App() {
      const [said, setSaid] = useState("");
      worker.onmessage = ({ data }) => setSaid(data);
      return <p title={shader} style={{ margin: "7px" }}><img src={picture} alt="" onLoad={() => worker.postMessage(1)} />{said}</p>;
    }
    render(<App />, document.getElementById("app")!);
    import("./later.ts").then(({ later }) => { document.title = later; });`,
  "later.ts": `export const later: string = "later";`,
  "worker.ts": `import { later } from "./later.ts";
    onmessage = async () => {
      const { default: own } = await import("./own.ts");
      const { status } = await fetch("/site.json");
      postMessage([later, own, status].join(" "));
    };`,
  "own.ts": `export default "own";`,
};

let folder: string;
let pages: TestPages;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stylize-source-"));
  for (const [name, text] of Object.entries(source)) await writeFile(join(folder, name), text);
  await mkdir(join(folder, "public"));
  await symlink(fileURLToPath(new URL("../node_modules", import.meta.url)), join(folder, "node_modules"));
  pages = await buildPagesOf(folder);
});
afterAll(async () => {
  await pages?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

describe("what is built", () => {
  it("has fingerprints, smaller versions and the licenses of packages, and no source map", async () => {
    const names = await readdir(join(pages.folder, "assets"));
    expect(names.filter((name) => !/^[\w.]+-[\w-]{8}\.(js|css|svg)(\.br|\.gz)?$/.test(name))).toEqual([]);
    for (const kind of [
      /^index-.*\.js$/,
      /^worker-.*\.js$/,
      /^index-.*\.css$/,
      /^picture-.*\.svg$/,
      /^icon-.*\.svg$/,
    ])
      expect(names.filter((name) => kind.test(name))).toHaveLength(1);
    expect(names).toContainEqual(expect.stringMatching(/^index-.*\.js\.br$/));
    expect(await readFile(join(pages.folder, "licenses.md"), "utf8")).toContain("preact");
  });

  it("has nothing in data: URLs", async () => {
    for (const name of await readdir(join(pages.folder, "assets")))
      if (/\.(js|css)$/.test(name))
        expect(await readFile(join(pages.folder, "assets", name), "utf8")).not.toMatch(/["'(]data:/);
  });
});

describe.skipIf(chromiumMissing)("in Chromium", () => {
  let site: TestSite;
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    site = await startSite(pages.folder);
    browser = await launchChromium();
    page = await browser.newPage();
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(site.url);
  });
  afterAll(async () => {
    await browser?.close();
    await site?.[Symbol.asyncDispose]();
  });

  it("works: scripts, styles, pictures, a worker with parts of its own, and no complaint", async () => {
    await page.getByText("later own 200").waitFor();
    expect(await page.title()).toBe("later");
    const paragraph = page.locator("p");
    expect(await paragraph.getAttribute("title")).toBe("// a shader");
    expect(await paragraph.evaluate((p) => [getComputedStyle(p).color, getComputedStyle(p).margin])).toEqual([
      "rgb(1, 2, 3)",
      "7px",
    ]);
    expect(complaints).toEqual([]);
  });

  it("may open a websocket to where it came from, by any name of the machine", async () => {
    const open = (url: string) =>
      page.evaluate(
        (address) =>
          new Promise<string>((resolve) => {
            const socket = new WebSocket(address);
            socket.onopen = () => resolve("open");
            socket.onerror = () => resolve("refused");
          }),
        url,
      );
    const path = "/socket.io/?EIO=4&transport=websocket";
    expect(await open(`ws://127.0.0.1:${site.port}${path}`)).toBe("open");
    await page.goto(`http://localhost:${site.port}`);
    expect(await open(`ws://localhost:${site.port}${path}`)).toBe("open");
    const picture = `${site.url}/objects/style/poppies.jpg`;
    const size = await page.evaluate(async (url) => (await (await fetch(url)).blob()).size, picture);
    expect(size).toBeGreaterThan(1000);
  });

  it("may run nothing inline, call no other site, and be in no frame", async () => {
    await using other = await startOther();
    const violations = page.evaluate(
      async ([url, own]) => {
        const seen: string[] = [];
        document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => {
          seen.push(effectiveDirective);
        });
        const add = (name: string, attributes: object, text = "") =>
          document.body.append(
            Object.assign(document.createElement(name), attributes, { textContent: text }),
          );
        add("script", {}, "globalThis.ran = true");
        add("script", { src: `${url}/script.js` });
        add("style", {}, "p { display: none }");
        add("img", { src: `${url}/picture.png` });
        add("iframe", { src: own });
        await fetch(url).catch(() => {});
        for (let i = 0; i < 100 && seen.length < 6; i++) await new Promise((done) => setTimeout(done, 50));
        return { seen: seen.sort(), ran: "ran" in globalThis };
      },
      [other.url, site.url] as const,
    );
    expect(await violations).toEqual({
      seen: ["connect-src", "frame-src", "img-src", "script-src-elem", "script-src-elem", "style-src-elem"],
      ran: false,
    });
    expect(other.asked).toEqual([]);
  });
});

/** A site that would let everybody in. */
async function startOther() {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.setHeader("Access-Control-Allow-Origin", "*").end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    asked,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}
