/** What the tests of formats share: a folder for their files, and files read whole. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { floatTypes } from "../dtypes.ts";
import { openTensorFile } from "../open.ts";

/** A folder that is there while the tests of a file run. */
export function temporaryFolder(): { readonly path: string; save(bytes: Uint8Array): Promise<string> } {
  let path = "";
  beforeAll(async () => {
    path = await mkdtemp(join(tmpdir(), "stylize-formats-"));
  });
  afterAll(() => rm(path, { recursive: true }));
  return {
    get path() {
      return path;
    },
    async save(bytes) {
      const file = join(path, "weights");
      await writeFile(file, bytes);
      return file;
    },
  };
}

/** The values of all tensors of floats. */
export async function readAll(path: string): Promise<Record<string, number[]>> {
  await using file = await openTensorFile(path);
  const result: Record<string, number[]> = {};
  for (const [name, { dtype }] of file.tensors)
    if (floatTypes.includes(dtype)) result[name] = [...(await file.read(name))];
  return result;
}

/** What to expect of the refusal of a file; F in `sentence` is its path. */
export function refusal(path: string, sentence: string | RegExp) {
  const source = typeof sentence === "string" ? `^${escaped(sentence)}$` : sentence.source;
  return {
    name: "StylizeError",
    code: "bad-weights",
    message: new RegExp(source.replaceAll("'F'", `'${escaped(path)}'`)),
  };
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

/** Same seed, same numbers in [0, 2^32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
}
