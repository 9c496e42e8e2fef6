/**
 * Builds what a package ships into its `dist/`: `tsx packaging/build.ts stylize|service`. npm runs it before it packs.
 *
 * A package's tsconfig names its programs and modules; what these do not lead to is not kept.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { build as bundle } from "vite";
import { firstStyles } from "../gateway/styles.ts";
import { shippedNetworks } from "../weights/shipped.ts";
import { reachableFrom } from "./reachable.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const readJson = (path: string) => JSON.parse(readFileSync(path, "utf8"));

/** The library and the command. */
function buildPainter(): void {
  const dist = join(root, "dist");
  rmSync(dist, { recursive: true, force: true });
  compile(join(root, "tsconfig.build.json"));
  mkdirSync(join(dist, "shaders"));
  writeFileSync(join(dist, "shaders", "index.js"), shaderModule());
  writeFileSync(join(dist, "shaders", "index.d.ts"), shaderTypes);
  const { exports } = readJson(join(root, "package.json"));
  const modules = Object.values<Record<string, string>>(exports).flatMap((each) => Object.values(each));
  prune(root, [
    ...compiled(join(root, "tsconfig.build.json")),
    ...modules.filter((path) => /\.[jt]s$/.test(path)),
  ]);
}

/** The gateway with its pages, and the worker. */
async function buildService(): Promise<void> {
  const folder = join(root, "service");
  rmSync(join(folder, "dist"), { recursive: true, force: true });
  compile(join(folder, "tsconfig.json"));
  prune(folder, compiled(join(folder, "tsconfig.json")));
  cpSync(join(root, "shaders"), join(folder, "dist", "shaders"), { recursive: true });
  for (const { file } of shippedNetworks)
    cpSync(join(root, "weights", "compact", file), join(folder, "dist", "networks", file));
  for (const name of firstStyles)
    cpSync(join(root, "examples", name), join(folder, "dist", "examples", name));
  cpSync(join(root, "LICENSE"), join(folder, "LICENSE"));
  await bundle({ configFile: join(root, "pages", "vite.config.ts") });
}

/** Throws where TypeScript finds something wrong, which it has told by then. */
function compile(config: string): void {
  const typescript = fileURLToPath(import.meta.resolve("typescript/package.json"));
  const tsc = join(dirname(typescript), readJson(typescript).bin.tsc);
  execFileSync(process.execPath, [tsc, "-p", config], { stdio: "inherit" });
}

/** Where what a tsconfig lists lies once it is compiled, from the folder of that tsconfig. */
function compiled(config: string): string[] {
  const files: string[] = readJson(config).files;
  return files.map((file) => `dist/${file.replace(/^\.\.\//, "").replace(/\.ts$/, ".js")}`);
}

/**
 * Removes all of `dist/` but what `entries` lead to: declarations of what is no one's business, modules that were
 * types alone.
 */
function prune(folder: string, entries: Iterable<string>): void {
  const { files } = reachableFrom(
    folder,
    [...entries].map((path) => path.replace(/^\.\//, "")),
  );
  const built = readdirSync(join(folder, "dist"), { recursive: true, withFileTypes: true });
  for (const entry of built.filter((each) => each.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(folder, path).split(sep).join("/");
    if (!files.has(name.replace(/\.map$/, ""))) rmSync(path);
  }
}

/** All kernels in one module, for programs that can't read files: browsers. */
function shaderModule(): string {
  const folder = join(root, "shaders");
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith(".wgsl"),
  );
  const texts = Object.fromEntries(
    paths.sort().map((path) => {
      const name = path.split(sep).join("/").slice(0, -".wgsl".length);
      return [name, readFileSync(join(folder, path), "utf8")];
    }),
  );
  return `const texts = ${JSON.stringify(texts, undefined, 1)};

export const readShader = (name) => {
  const text = texts[name];
  if (text === undefined) throw new Error(\`Expected a shader '\${name}' but there is none of that name.\`);
  return text;
};
`;
}

const shaderTypes = `import type { ShaderSource } from "../engine/gpu/context.ts";
/** The text of \`shaders/<name>.wgsl\`; throws for a name that there is not. */
export declare const readShader: ShaderSource;
`;

const [name] = process.argv.slice(2);
if (name === "stylize") buildPainter();
else if (name === "service") await buildService();
else throw new Error(`Expected stylize or service but received ${name}.`);
