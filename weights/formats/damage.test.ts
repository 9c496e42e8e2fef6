/** Files that are cut short anywhere, or have any byte changed, are refused in our words or read. */
import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { StylizeError } from "../../engine/errors.ts";
import { floatTypes } from "./dtypes.ts";
import { openTensorFile } from "./open.ts";
import type { TensorFile } from "./tensor-file.ts";
import { randomNumbers, readAll, temporaryFolder } from "./testing/files.ts";

const fixtures = fileURLToPath(import.meta.resolve("./fixtures/"));
const folder = temporaryFolder();
const FLIPS = 700;

/** What can be read of the tensors, and the error that stopped it. */
async function readSome(path: string): Promise<{ values: Record<string, number[]>; error: unknown }> {
  const values: Record<string, number[]> = {};
  let file: TensorFile;
  try {
    file = await openTensorFile(path);
  } catch (error) {
    return { values, error };
  }
  let error: unknown;
  for (const [name, { dtype }] of file.tensors)
    if (floatTypes.includes(dtype))
      try {
        values[name] = [...(await file.read(name))];
      } catch (reason) {
        error = reason;
      }
  await file[Symbol.asyncDispose]();
  return { values, error };
}

describe.each([
  "torch-1/state-dict.zip.pth",
  "torch-2/protocol-4.zip.pth",
  "torch-1/state-dict.legacy.pth",
  "torch-1/python-2.legacy.pth",
  "torch-2/tricky.legacy.pth",
  "torch-2/tricky.safetensors",
])("%s", (name) => {
  it("cut short anywhere is refused, but for tensors that are whole", async () => {
    const whole = await readAll(join(fixtures, name));
    const path = await folder.save(await readFile(join(fixtures, name)));
    const { length } = await readFile(path);
    let refused = 0;
    for (let size = length - 1; size >= 0; size--) {
      await truncate(path, size);
      const { values, error } = await readSome(path);
      expect(error === undefined ? values : { ...whole, ...values }, `${size} bytes`).toEqual(whole);
      if (error === undefined) continue;
      expect(error, `${size} bytes`).toBeInstanceOf(StylizeError);
      expect(error, `${size} bytes`).toMatchObject({ code: "bad-weights" });
      refused++;
    }
    expect(refused).toBeGreaterThan(0.9 * length); // at the end may be a tensor of integers
  });

  it("with bytes changed is refused or read", async () => {
    const bytes = await readFile(join(fixtures, name));
    const random = randomNumbers(bytes.length);
    let refused = 0;
    for (let flip = 0; flip < FLIPS; flip++) {
      const changed = Uint8Array.from(bytes);
      for (let n = 1 + (random() % 3); n > 0; n--) changed[random() % bytes.length] = random();
      const path = join(folder.path, "changed");
      await writeFile(path, changed);
      const { error } = await readSome(path);
      if (error === undefined) continue;
      expect(error, `flip ${flip}`).toBeInstanceOf(StylizeError);
      expect(error, `flip ${flip}`).toMatchObject({ code: "bad-weights" });
      refused++;
    }
    expect(refused).toBeGreaterThan(FLIPS / 20);
  });
});
