/**
 * Which files of a built package are needed: those that its entry points lead to, for programs (.js) and for
 * compilers (.d.ts).
 */
import { readFileSync } from "node:fs";
import { join, posix } from "node:path";

/** Statements that name another module, as TypeScript writes them: a line that begins with import or export. */
const statement = /^(?:import|export)\b(?:[^;]*?\bfrom )?\s?"([^"]+)"/gm;
/** Loading on demand, and types that a declaration names in place. */
const inPlace = /\bimport\("([^"]+)"\)/g;
const reference = /^\/\/\/ <reference types="([^"]+)"/gm;

/** What `text` imports, as it is written there. */
export function importsOf(text: string): string[] {
  return [statement, inPlace, reference].flatMap((pattern) =>
    [...text.matchAll(pattern)].map(([, specifier]) => specifier!),
  );
}

export interface Reachable {
  /** Paths from the package's folder, with slashes. */
  readonly files: ReadonlySet<string>;
  /** Names of the packages that they import, Node's own modules aside. */
  readonly packages: ReadonlySet<string>;
}

/** Follows imports from `entries`, paths from `folder` with slashes. Throws where one leads to no file. */
export function reachableFrom(folder: string, entries: Iterable<string>): Reachable {
  const files = new Set<string>();
  const packages = new Set<string>();
  const waiting = [...entries];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (files.has(path)) continue;
    files.add(path);
    for (const specifier of importsOf(readFileSync(join(folder, path), "utf8"))) {
      if (specifier.startsWith(".")) waiting.push(besides(path, specifier));
      else if (!specifier.startsWith("node:")) packages.add(packageOf(specifier));
    }
  }
  return { files, packages };
}

/** The file that `from` means: a declaration's neighbours are declarations, whatever extension it names. */
function besides(from: string, specifier: string): string {
  const path = posix.join(posix.dirname(from), specifier);
  return /\.d\.m?ts$/.test(from) ? path.replace(/\.(m?)[jt]s$/, ".d.$1ts") : path;
}

function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}
