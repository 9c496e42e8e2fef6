/** Our programs as text: which files each is made of, and what of AWS's SDK they use. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../", import.meta.url));

/** Name from the repository's root, and text without comments. */
export type Sources = ReadonlyMap<string, string>;

/** All files of ours that a program loads, itself included. */
export function reachableFrom(main: string): Sources {
  const found = new Map<string, string>();
  const visit = (name: string) => {
    if (found.has(name)) return;
    const text = withoutComments(readFileSync(join(repository, name), "utf8"));
    found.set(name, text);
    for (const target of importsOf(text))
      visit(relative(repository, join(repository, dirname(name), target)));
  };
  if (!existsSync(join(repository, main))) throw new Error(`Expected a program at ${main}.`);
  visit(main);
  return found;
}

/** Of files of ours that are loaded; types alone load nothing. */
function importsOf(text: string): string[] {
  const statements = [...text.matchAll(/^(?:import|export)\b(?! type\b)[^;]*?["'](\.[^"']+\.ts)["'];/gm)];
  const calls = [...text.matchAll(/\bimport\(\s*["'](\.[^"']+\.ts)["']\s*\)/g)];
  return [...statements, ...calls].map(([, target]) => target!);
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}

/** Names in capitals that are read of an environment, whatever it is called. */
export function variablesRead(sources: Sources): string[] {
  const all = [...sources.values()].flatMap((text) => [
    ...[...text.matchAll(/\b(?:process\.)?env(?:ironment)?\??\.([A-Z][A-Z0-9_]+)\b/g)].map(
      ([, name]) => name!,
    ),
    ...[...text.matchAll(/\bset\.([A-Z][A-Z0-9_]+)\b/g)].map(([, name]) => name!),
    ...[...text.matchAll(/\{\s*([A-Z][A-Z0-9_]+)(?:[^}]*)\}\s*=\s*(?:process\.)?env\b/g)].map(
      ([, name]) => name!,
    ),
  ]);
  return [...new Set(all)].sort();
}
