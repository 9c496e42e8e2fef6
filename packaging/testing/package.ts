/**
 * The packages as whoever installs them has them: packed by npm in a clone, unpacked where nothing else of this
 * project is.
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

export interface Manifest {
  readonly name: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, string | Readonly<Record<"types" | "default", string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

export const readManifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));

/**
 * `npm pack` in a clone, whose node_modules are this tree's, links to them: the paths of both tarballs, in `folder`.
 */
export function packAll(folder: string): { readonly painter: string; readonly service: string } {
  const clone = join(folder, "clone");
  const files = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  for (const path of files.split("\n").filter((each) => each !== "" && existsSync(join(root, each))))
    cpSync(join(root, path), join(clone, path));
  mkdirSync(join(clone, "node_modules"));
  for (const name of readdirSync(join(root, "node_modules")))
    symlinkSync(join(root, "node_modules", name), join(clone, "node_modules", name));
  const pack = (...flags: string[]) => {
    const args = ["pack", "--silent", "--pack-destination", folder, ...flags];
    const printed = execFileSync("npm", args, {
      cwd: clone,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    return join(folder, printed.trim().split("\n").at(-1)!);
  };
  return { painter: pack(), service: pack("--workspace", "stylize-service") };
}

/**
 * A new folder under `parent` with the package in its node_modules, as npm puts it there, and what it declares beside
 * it, by links.
 */
export function install(
  tarball: string,
  parent = tmpdir(),
): { readonly project: string; readonly folder: string } {
  const project = mkdtempSync(join(parent, "stylize-installed-"));
  const modules = join(project, "node_modules");
  const unpacked = join(project, "package");
  execFileSync("tar", ["-xzf", tarball, "-C", project]);
  const { name, bin, dependencies } = readManifest(unpacked);
  const folder = join(modules, name);
  cpSync(unpacked, folder, { recursive: true });
  execFileSync("rm", ["-r", unpacked]);
  for (const dependency of Object.keys(dependencies)) link(modules, dependency);
  mkdirSync(join(modules, ".bin"));
  for (const [program, path] of Object.entries(bin)) {
    symlinkSync(join("..", name, path), join(modules, ".bin", program));
    chmodSync(join(folder, path), 0o755);
  }
  return { project, folder };
}

/** Puts a package of this tree into another. */
export function link(modules: string, name: string): void {
  mkdirSync(dirname(join(modules, name)), { recursive: true });
  symlinkSync(join(root, "node_modules", name), join(modules, name));
}

/** All files under `folder`, as paths from there with slashes, in order. */
export function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort();
}

/** The first block of code of that kind in a document which has `text`. */
export function exampleOf(document: string, text: string): string {
  const blocks = readFileSync(join(root, document), "utf8").matchAll(/^```ts\n(.*?)^```$/gms);
  const found = [...blocks].map(([, code]) => code!).find((code) => code.includes(text));
  if (found === undefined) throw new Error(`Expected an example with ${text} in ${document}.`);
  return found;
}
