/** Which folder of the service may know of which: what is imported for its types alone counts, too. */
import { readdirSync, readFileSync } from "node:fs";
import { join, posix, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const library = ["engine", "weights", "pictures"];
const allowed: Readonly<Record<string, readonly string[]>> = {
  common: [],
  protocol: ["engine"],
  stores: ["common", "engine", "protocol"],
  worker: ["common", ...library, "protocol", "stores"],
  gateway: ["common", ...library, "protocol", "stores"],
  client: ["protocol"],
  pages: ["client", "common", ...library, "protocol"],
};
/** Programs that start a whole service for screenshots, as tests do. */
const isTool = (file: string) => /^pages\/screens/.test(file);

/** Each file of a folder that is no test, with those of ours that it imports. */
function importsIn(folder: string): ReadonlyMap<string, readonly string[]> {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((name) => `${folder}/${name.replaceAll(sep, "/")}`)
    .filter(
      (file) => /\.tsx?$/.test(file) && !/\.test\.ts$|\.d\.ts$|\/testing\//.test(file) && !isTool(file),
    );
  return new Map(files.map((file) => [file, importsOf(file)]));
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  const found = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"?]+\.tsx?)"/g);
  return [...found].map(([, path]) => posix.normalize(`${posix.dirname(file)}/${path}`));
}

const all = new Map(Object.keys(allowed).flatMap((folder) => [...importsIn(folder)]));

describe.each(Object.entries(allowed))("%s", (folder, others) => {
  it(`imports of ours ${others.join(", ") || "nothing"}`, () => {
    const files = [...all].filter(([file]) => file.startsWith(`${folder}/`));
    expect(files).not.toEqual([]);
    const wrong = files.flatMap(([file, targets]) =>
      targets
        .filter((target) => ![folder, ...others].includes(target.split("/")[0]!))
        .map((target) => `${file} -> ${target}`),
    );
    expect(wrong).toEqual([]);
  });
});

it("no file of the service leads back to itself", () => {
  const circles = [...all.keys()].filter((start) => {
    const seen = new Set<string>();
    const queue = [...(all.get(start) ?? [])];
    for (const file of queue) {
      if (!seen.has(file)) queue.push(...(all.get(file) ?? []));
      seen.add(file);
    }
    return seen.has(start);
  });
  expect(circles).toEqual([]);
});
