/** Both packages, packed and installed: what is in them, and that it works where nothing else of this project is. */
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import sharp from "sharp";
import { build as bundle } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errorCodes } from "../engine/errors.ts";
import { chromiumMissing, launchChromium } from "../gateway/testing/chromium.ts";
import { compact, compactSmall, shippedNetworks } from "../weights/shipped.ts";
import { reachableFrom } from "./reachable.ts";
import {
  exampleOf,
  filesIn,
  install,
  link,
  type Manifest,
  packAll,
  readManifest,
  root,
} from "./testing/package.ts";
import { compile, describeTypes } from "./testing/types.ts";

const run = promisify(execFile);

let scratch: string;
let tarballs: { readonly painter: string; readonly service: string };
let painter: ReturnType<typeof install>;
let service: ReturnType<typeof install>;
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "stylize-package-"));
  tarballs = packAll(scratch);
  painter = install(tarballs.painter, scratch);
  service = install(tarballs.service, scratch);
  writeFileSync(join(painter.project, "package.json"), '{"type":"module"}');
  await example("astronaut").toFile(join(painter.project, "photo.jpg"));
  await example("auvers").toFile(join(painter.project, "painting.jpg"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const example = (name: string) =>
  sharp(join(root, "examples", `${name}.jpg`)).resize(40, 36, { fit: "fill" });

/** What Node starts or imports, of a manifest. */
const programs = ({ bin, exports = {} }: Manifest) => [
  ...Object.values(bin),
  ...Object.values(exports).flatMap((each) => (typeof each === "string" ? [] : [each.default, each.types])),
];
const networkBytes = shippedNetworks.reduce((sum, { size }) => sum + size, 0);
const sha256 = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
const plain = (paths: readonly string[]) => paths.map((path) => posix.normalize(path));

/** What a cold start on a processor starts. */
const COMPILING = "dist/engine/compiling-process.js";

describe("what is packed", () => {
  it("the painter's package is what its modules and its command lead to, kernels and networks", () => {
    const entries = [...plain(programs(readManifest(painter.folder))), COMPILING];
    const { files } = reachableFrom(painter.folder, entries);
    const kernels = filesIn(join(root, "shaders")).map((path) => `shaders/${path}`);
    const networks = shippedNetworks.map(({ file }) => `weights/compact/${file}`);
    const own = ["LICENSE", "README.md", "package.json", ...kernels, ...networks, ...files];
    expect(filesIn(painter.folder)).toEqual(own.sort());
    expect(statSync(tarballs.painter).size).toBeLessThan(400_000 + networkBytes);
  });

  it("the service's package is what its programs lead to, with kernels, networks, pages and the first styles", () => {
    const programsOfService = [
      ...plain(programs(readManifest(service.folder))),
      "dist/worker/has-gpu.js",
      COMPILING,
    ];
    const { files } = reachableFrom(service.folder, programsOfService);
    const rest = filesIn(service.folder).filter(
      (path) => !files.has(path) && !path.startsWith("dist/pages/"),
    );
    const kernels = filesIn(join(root, "shaders")).map((path) => `dist/shaders/${path}`);
    const styles = ["auvers", "great-wave", "poppies"].map((name) => `dist/examples/${name}.jpg`);
    const networks = shippedNetworks.map(({ file }) => `dist/networks/${file}`);
    const own = ["LICENSE", "README.md", "package.json", ...kernels, ...networks, ...styles];
    expect(rest).toEqual(own.sort());
    const pages = filesIn(join(service.folder, "dist/pages"));
    expect(pages).toContain("index.html");
    expect(pages.filter((path) => path.includes("safetensors"))).toHaveLength(shippedNetworks.length);
    expect(statSync(tarballs.service).size).toBeLessThan(1_500_000 + 2 * networkBytes); // pages have theirs
    expect(filesIn(service.folder).filter((path) => /\.map$|\.d\.m?ts$|testing|\.test\./.test(path))).toEqual(
      [],
    );
  });

  it.each(["painter", "service"] as const)(
    "the %s's package declares what it imports, and no more",
    (which) => {
      const { folder } = { painter, service }[which];
      const code = filesIn(folder).filter(
        (path) => /\.(m?js|d\.m?ts)$/.test(path) && !path.startsWith("dist/pages/"),
      );
      const { files, packages } = reachableFrom(folder, code);
      expect(files.size).toBe(code.length);
      expect([...packages].sort()).toEqual(Object.keys(readManifest(folder).dependencies).sort());
    },
  );

  it("whoever paints does without the service's packages", () => {
    const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
    const all = new Set<string>();
    const add = (name: string) => {
      if (all.has(name)) return;
      all.add(name);
      for (const each of Object.keys(lock[`node_modules/${name}`].dependencies ?? {})) add(each);
    };
    for (const name of Object.keys(readManifest(painter.folder).dependencies)) add(name);
    const foreign = Object.keys(readManifest(service.folder).dependencies).filter((name) => all.has(name));
    expect(foreign.sort()).toEqual(["debug", ...Object.keys(shared())].sort()); // socket.io-client needs debug, too
    expect(all.size).toBeLessThan(25);
    expect([...all].filter((name) => /aws|smithy|redis|pino|prom|socket\.io$/.test(name))).toEqual([]);
  });

  it("the manifests agree", () => {
    const [a, b] = [readManifest(root), readManifest(join(root, "service"))];
    for (const field of ["version", "license", "type", "engines", "private"])
      expect(b[field]).toEqual(a[field]);
    for (const [name, version] of Object.entries(shared())) expect(b.dependencies[name], name).toBe(version);
    const all = [...Object.values(a.dependencies), ...Object.values(b.dependencies)];
    for (const version of all) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  });

  /** What both packages take, as the painter's pins it. */
  function shared(): Record<string, string> {
    const names = Object.keys(readManifest(join(root, "service")).dependencies);
    return Object.fromEntries(
      Object.entries(readManifest(root).dependencies).filter(([name]) => names.includes(name)),
    );
  }
});

describeTypes(() => install(tarballs.painter, scratch).project);

describe("in Node", () => {
  it("every module can be imported, and there are no others", async () => {
    const { name, exports } = readManifest(painter.folder);
    const modules = Object.keys(exports!).filter((path) => !/\.(json|safetensors)$/.test(path));
    const names = modules.map((path) => posix.join(name, path));
    const script = `for (const name of ${JSON.stringify(names)})
      console.log(Object.keys(await import(name)).length > 0)`;
    expect((await evaluate(script)).stdout).toBe("true\n".repeat(names.length));
    await expect(evaluate('await import("stylize/dist/engine/index.js")')).rejects.toThrow(
      "ERR_PACKAGE_PATH_NOT_EXPORTED",
    );
  });

  it("the module of kernels has the text of each", async () => {
    const kernels = filesIn(join(root, "shaders")).map((path) => path.replace(/\.wgsl$/, ""));
    const script = `import { readShader } from "stylize/shaders";
      console.log(JSON.stringify(${JSON.stringify(kernels)}.map(readShader)));
      try { readShader("none"); } catch (error) { console.log(error.message); }`;
    const [texts, refusal] = (await evaluate(script)).stdout.trim().split("\n");
    expect(JSON.parse(texts!)).toEqual(
      kernels.map((name) => readFileSync(join(root, "shaders", `${name}.wgsl`), "utf8")),
    );
    expect(refusal).toBe("Expected a shader 'none' but there is none of that name.");
  });

  it("the networks that ship are loaded with no home and from anywhere, and their files can be had", async () => {
    const script = `import { loadDefaultNetwork, loadNetwork } from "stylize/weights";
      import { fileURLToPath } from "node:url";
      const names = ${JSON.stringify(shippedNetworks.map(({ name }) => name))};
      const resolve = (name) => fileURLToPath(import.meta.resolve("stylize/networks/" + name + ".safetensors"));
      const networks = [await loadDefaultNetwork(), ...(await Promise.all(names.map((name) => loadNetwork(name))))];
      console.log(JSON.stringify({ names: networks.map(({ name }) => name), paths: names.map(resolve) }));`;
    const { stdout } = await homeless(painter.project, "--input-type=module", "--eval", script);
    const { names, paths } = JSON.parse(stdout);
    expect(names).toEqual([compact.name, ...shippedNetworks.map(({ name }) => name)]);
    expect(paths.map(sha256)).toEqual(shippedNetworks.map((network) => network.sha256));
  });

  it.each([
    ["is missing", "file-not-found", "but it can't be read; install the program again."],
    ["is damaged", "bad-weights", "as it was shipped but the file is damaged; install the program again."],
  ] as const)("a network that %s is told in a sentence before any work", async (what, code, ending) => {
    const { project, folder } = install(tarballs.painter, scratch);
    const path = join(folder, "weights/compact", compact.file);
    const bytes = readFileSync(path);
    if (what === "is missing") rmSync(path);
    else writeFileSync(path, bytes.with(1_000_000, bytes[1_000_000]! ^ 4));
    const script = `import { loadDefaultNetwork } from "stylize/weights";
      await loadDefaultNetwork().catch(({ code, message }) => console.log(JSON.stringify({ code, message })));`;
    const { stdout } = await homeless(project, "--input-type=module", "--eval", script);
    const message = `Expected the network 'compact' in '${path}' ${ending}`;
    expect(JSON.parse(stdout)).toEqual({ code, message });

    for (const name of ["photo", "painting"])
      cpSync(join(painter.project, `${name}.jpg`), join(project, `${name}.jpg`));
    const before = filesIn(project);
    const options = ["photo.jpg", "--style", "painting.jpg", "-o", "result.png"];
    const failed = homeless(project, "node_modules/.bin/stylize", ...options, "--weights", "compact");
    await expect(failed).rejects.toMatchObject({ code: errorCodes[code], stdout: "" });
    expect((await failed.catch(({ stderr }) => stderr)).trim().split("\n").at(-1)).toContain(message);
    expect(filesIn(project)).toEqual(before);
    const small =
      `import { loadNetwork } from "stylize/weights"; console.log((await ` +
      `loadNetwork("compact-small")).name)`;
    expect((await homeless(project, "--input-type=module", "--eval", small)).stdout).toBe(
      `${compactSmall.name}\n`,
    );
  });

  /** Node in another folder's stead, for somebody who has never fetched anything. */
  function homeless(cwd: string, ...args: string[]) {
    const { PATH } = process.env;
    return run(process.execPath, args, { cwd, env: { PATH, HOME: mkdtempSync(join(scratch, "home-")) } });
  }

  it("README's program paints", async () => {
    const { project } = painter;
    const program = exampleOf("README.md", 'from "stylize"');
    const small = program.replace("size: 512", "size: 36").replace("steps: 60", "steps: 2");
    expect(small).not.toMatch(/512|60/);
    writeFileSync(join(project, "paint.ts"), small);
    const compilerOptions = { strict: true, target: "es2022", module: "node16", types: [] };
    expect(await compile(project, { compilerOptions, files: ["paint.ts"] })).toBe("");
    const { stdout } = await node("paint.js");
    expect(stdout).toMatch(/^1 2 [\d.]+\n2 2 [\d.]+\n$/);
    expect(await sharp(join(project, "result.png")).metadata()).toMatchObject({ width: 36, height: 32 });
  });

  const node = (...args: string[]) => run(process.execPath, args, { cwd: painter.project });
  const evaluate = (script: string) => node("--input-type=module", "--eval", script);
});

describe("in a browser", () => {
  let built: string;
  beforeAll(async () => {
    const program = exampleOf("docs/library.md", 'from "stylize/browser"');
    // All layers would take a browser's software adapter half a minute.
    const few = "contentLayers: { relu1_1: 1 }, styleLayers: { relu1_1: 1 }";
    const small = program
      .replace("Math.min(512, found.maxSize(network))", "36")
      .replace("steps: 60", "steps: 1")
      .replace("    network,\n", `network: { ...network, defaults: { ...network.defaults, ${few} } },\n`);
    expect(small).not.toMatch(/512|60|^ *network,/m);
    const more = "\nObject.assign(globalThis, { paint });\n";
    writeFileSync(join(painter.project, "browser.ts"), small + more);
    link(join(painter.project, "node_modules"), "vite");
    const page = '<!doctype html><title>A test</title><script type="module" src="/browser.ts"></script>';
    writeFileSync(join(painter.project, "index.html"), page);
    built = join(painter.project, "built");
    const build = { outDir: built, minify: false };
    await bundle({ root: painter.project, configFile: false, logLevel: "error", build });
  });

  it("Vite bundles docs/library.md's program, which the compiler takes, too", async () => {
    const compilerOptions = { strict: true, noUncheckedIndexedAccess: true, noEmit: true, target: "es2022" };
    const module = { module: "esnext", moduleResolution: "bundler", types: ["vite/client"] };
    const config = { compilerOptions: { ...compilerOptions, ...module }, files: ["browser.ts"] };
    expect(await compile(painter.project, config)).toBe("");
    expect(filesIn(built)).toEqual([
      expect.stringMatching(/^assets\/compact-.*\.safetensors$/),
      expect.stringMatching(/^assets\/.*\.js$/),
      "index.html",
    ]);
  });

  it.skipIf(chromiumMissing)(
    `it paints in Chromium${chromiumMissing ? ` (${chromiumMissing})` : ""}`,
    async () => {
      await using browser = await launchChromium();
      const page = await browser.newPage();
      await page.route("https://library.test/**", (route) => {
        const { pathname } = new URL(route.request().url());
        return route.fulfill({ path: join(built, pathname === "/" ? "index.html" : pathname) });
      });
      await page.goto("https://library.test/");
      await page.waitForFunction(() => "paint" in globalThis);
      const painted = await page.evaluate(async () => {
        const { paint } = globalThis as unknown as {
          paint(content: unknown, style: unknown): Promise<Pixels>;
        };
        const pixels = (color: (i: number) => number) => {
          const { ImageData } = globalThis as unknown as { ImageData: new (...size: number[]) => Pixels };
          const image = new ImageData(40, 36);
          for (let i = 0; i < image.data.length; i++) image.data[i] = i % 4 === 3 ? 255 : color(i);
          return image;
        };
        interface Pixels {
          readonly width: number;
          readonly height: number;
          readonly data: Uint8ClampedArray;
        }
        const { width, height, data } = await paint(
          pixels((i) => i % 251),
          pixels((i) => (7 * i) % 241),
        );
        return { width, height, opaque: data.filter((value, i) => i % 4 === 3 && value === 255).length };
      });
      expect(painted).toEqual({ width: 36, height: 32, opaque: 36 * 32 });
    },
  );
});

describe("the command", () => {
  it("is what npx runs", async () => {
    const npx = (...args: string[]) =>
      run("npx", ["--no-install", "stylize", ...args], { cwd: painter.project });
    expect((await npx("--version")).stdout).toBe(`${readManifest(root).version}\n`);
    const { stdout } = await npx("devices", "--json");
    expect(JSON.parse(stdout.split("\n")[0]!)).toMatchObject({ name: expect.any(String) });
  });

  it("paints from another folder, and writes nothing into its package", async () => {
    const folder = mkdtempSync(join(scratch, "elsewhere-"));
    const before = stateOf(painter.folder);
    for (const path of filesIn(painter.folder)) chmodSync(join(painter.folder, path), 0o555);
    chmodSync(painter.folder, 0o555);
    const photo = join(painter.project, "photo.jpg");
    const options = ["--style", join(painter.project, "painting.jpg"), "--weights", "generated"];
    const size = ["--size", "36", "--steps", "1", "-o", "result.jpg", "--quiet"];
    const program = join(painter.project, "node_modules/.bin/stylize");
    await run(program, [photo, ...options, ...size], { cwd: folder });
    chmodSync(painter.folder, 0o755);
    expect(await sharp(join(folder, "result.jpg")).metadata()).toMatchObject({ format: "jpeg", width: 36 });
    expect(filesIn(folder)).toEqual(["result.jpg"]);
    expect(stateOf(painter.folder)).toEqual(before);
  });

  const stateOf = (folder: string) =>
    filesIn(folder).map((path) => [path, statSync(join(folder, path)).mtimeMs] as const);
});

describe("the service", () => {
  it("serves its pages and has its worker paint what the other package's command asks for", async () => {
    const program = join(service.project, "node_modules/.bin/stylize-serve");
    const flags = ["--port", "0", "--data", join(service.project, "data")];
    const gateway = spawn(program, flags, {
      cwd: service.project,
      env: { ...process.env, STYLIZE_CACHE: join(service.project, "nothing-fetched") },
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const [line] = await once(createInterface({ input: gateway.stdout }), "line");
      const url = line.replace("Listening on ", "");
      const page = await (await fetch(url)).text();
      const script = /src="([^"]+\.js)"/.exec(page)![1]!;
      expect((await fetch(new URL(script, url))).status).toBe(200);
      const request = [
        "request",
        "photo.jpg",
        "--style",
        "great-wave.jpg",
        "-o",
        "service.png",
        "--server",
        url,
      ];
      const command = join(painter.project, "node_modules/.bin/stylize");
      await run(command, [...request, "--size", "36", "--steps", "1", "--quiet"], { cwd: painter.project });
      expect(await sharp(join(painter.project, "service.png")).metadata()).toMatchObject({ width: 36 });
    } finally {
      gateway.kill("SIGTERM");
      await once(gateway, "exit");
    }
    expect(gateway.exitCode).toBe(0);
  });
});
