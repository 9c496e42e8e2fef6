import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeSafetensors, openSafetensors } from "./safetensors.ts";

/** Made by the reference implementation: see make_dtypes.py beside it. */
const fixture = fileURLToPath(import.meta.resolve("./fixtures/dtypes.safetensors"));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stylize-safetensors-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function save(name: string, bytes: Uint8Array | string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

async function readAll(path: string, name: string): Promise<number[]> {
  const file = await openSafetensors(path);
  try {
    return [...(await file.read(name))];
  } finally {
    await file.close();
  }
}

describe("a file of the reference implementation", () => {
  const values = [0, 1, -2.5, 1 / 3, 65504, 2 ** -24];

  it.each([
    ["f64", 2 ** -24],
    ["f32", 2 ** -24],
    ["f16", 2 ** -11],
    ["bf16", 2 ** -7],
  ])("is read from %s", async (name, tolerance) => {
    const actual = await readAll(fixture, name);
    expect(actual).toHaveLength(values.length);
    for (const [i, value] of values.entries())
      expect(Math.abs(actual[i]! - value)).toBeLessThanOrEqual(tolerance * Math.abs(value));
  });

  it("gives infinities, NaN and minus zero", async () => {
    expect(await readAll(fixture, "special")).toEqual([
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
      -0,
    ]);
  });

  it("gives shapes, scalars, empty tensors and metadata", async () => {
    const file = await openSafetensors(fixture);
    expect(file.metadata).toEqual({ made: "by safetensors" });
    expect(file.tensors.get("f16")).toMatchObject({ dtype: "F16", shape: [2, 3] });
    expect(file.tensors.get("scalar")?.shape).toEqual([]);
    expect([...(await file.read("scalar"))]).toEqual([7]);
    expect(await file.read("none")).toHaveLength(0);
    await file.close();
  });

  it("has a tensor of integers, which is refused when it is read", async () => {
    await expect(readAll(fixture, "i64")).rejects.toMatchObject({
      code: "bad-weights",
      message: `Expected 'i64' in '${fixture}' to be one of F32, F64, F16, BF16 but it is I64.`,
    });
  });

  it("says so when a tensor is not there", async () => {
    await expect(readAll(fixture, "f8")).rejects.toMatchObject({
      code: "bad-weights",
      message: `Expected a tensor 'f8' in '${fixture}' but it has none of that name.`,
    });
  });
});

describe("a file of ours", () => {
  it("comes back as it was, whatever the length of its header", async () => {
    const a = { shape: [2, 2], data: Float32Array.of(1, -2, Number.MIN_VALUE, 3e38) };
    const b = { shape: [3], data: Float32Array.of(0.5, 0.25, 0.125) };
    const lengths = new Set<number>();
    for (let padding = 0; padding < 640; padding += 4) {
      const bytes = encodeSafetensors(
        new Map([
          ["a", a],
          ["b.weight", b],
        ]),
        { padding: "x".repeat(padding) },
      );
      lengths.add(new DataView(bytes.buffer).getUint16(0, true));
      const path = await save("ours.safetensors", bytes);
      expect(await readAll(path, "a")).toEqual([...a.data]);
      expect(await readAll(path, "b.weight")).toEqual([...b.data]);
    }
    expect(lengths).toContain(0x280); // its bytes are those that a pickle starts with
  });
});

/** A file with this header and then `data` zero bytes. */
function raw(header: string, data = 0): Uint8Array {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const whole = encodeSafetensors(new Map([["a", { shape: [64], data: new Float32Array(64) }]]));

describe("openSafetensors refuses", () => {
  it.each<[string, Uint8Array | string, RegExp]>([
    ["empty", "", /^Expected a safetensors file but 'F' is empty\.$/],
    [
      "HTML",
      "<!DOCTYPE html><html>404</html>",
      /but 'F' is an HTML page: the download failed, get the file again\.$/,
    ],
    [
      "zipped PyTorch",
      Buffer.from("PK\x03\x04xxxxxxxxxx", "latin1"),
      /but 'F' is a PyTorch file: convert it with /,
    ],
    [
      "old PyTorch",
      Buffer.from("\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", "latin1"),
      /but 'F' is a PyTorch file/,
    ],
    [
      "LFS pointer",
      "version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
      /but 'F' is a Git LFS pointer/,
    ],
    ["other", Buffer.alloc(100, 1), /but 'F' is of another kind\.$/],
    ["short", "abc", /but 'F' is of another kind\.$/],
    [
      "with a huge header",
      Buffer.from("\xff\xff\xff\xff\xff\xff\0\0{}", "latin1"),
      /^Expected a safetensors header of at most 100000000 bytes in 'F' but it says 281474976710655\.$/,
    ],
    [
      "cut in its header",
      whole.subarray(0, 40),
      /^Expected at least \d+ bytes in 'F' but it has 40: it is cut short, get it again\.$/,
    ],
    [
      "cut in its tensors",
      whole.subarray(0, -1),
      /^Expected at least \d+ bytes in 'F' but it has \d+: it is cut short, get it again\.$/,
    ],
    ["not JSON", raw("{nonsense"), /^Expected a JSON header in 'F' but it can't be parsed\.$/],
    [
      "without offsets",
      raw('{"a":{"dtype":"F32","shape":[1]}}', 4),
      /^Expected dtype, shape and data_offsets of 'a' in 'F' but its header lacks them\.$/,
    ],
    [
      "with null for a tensor",
      raw('{"a":null}'),
      /^Expected dtype, shape and data_offsets of 'a' in 'F' but its header lacks them\.$/,
    ],
    [
      "with negative offsets",
      raw('{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}', 4),
      /^Expected dtype, shape and data_offsets of 'a' in 'F'/,
    ],
    [
      "with offsets of another size",
      raw('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', 4),
      /^Expected 8 bytes for 'a' \[2\] in 'F' but its offsets are 0 and 4\.$/,
    ],
  ])("a file that is %s", async (what, bytes, sentence) => {
    const path = await save(`${what}.safetensors`, bytes);
    const pattern = new RegExp(sentence.source.replace("'F'", `'${path.replace(/[.\\]/g, "\\$&")}'`));
    await expect(openSafetensors(path)).rejects.toMatchObject({
      name: "StylizeError",
      code: "bad-weights",
      message: expect.stringMatching(pattern),
    });
  });

  it("a missing file", async () => {
    const path = join(folder, "missing.safetensors");
    await expect(openSafetensors(path)).rejects.toMatchObject({
      code: "file-not-found",
      message: `Expected a safetensors file but there is no file '${path}'.`,
    });
  });

  it("a folder", async () => {
    await expect(openSafetensors(folder)).rejects.toMatchObject({
      code: "bad-weights",
      message: `Expected a safetensors file but '${folder}' is a folder.`,
    });
  });
});
