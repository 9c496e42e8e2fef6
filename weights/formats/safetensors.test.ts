import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { encodeSafetensors } from "../testing/tensors.ts";
import { openTensorFile } from "./open.ts";
import { safetensorsParts } from "./safetensors.ts";
import { refusal, temporaryFolder } from "./testing/files.ts";

/** Made by the reference implementation: see make_dtypes.py beside it. */
const fixture = fileURLToPath(import.meta.resolve("./fixtures/dtypes.safetensors"));

const folder = temporaryFolder();

async function readOne(path: string, name: string): Promise<number[]> {
  await using file = await openTensorFile(path);
  return [...(await file.read(name))];
}

describe("a file of the reference implementation", () => {
  const values = [0, 1, -2.5, 1 / 3, 65504, 2 ** -24];

  it.each([
    ["f64", 2 ** -24],
    ["f32", 2 ** -24],
    ["f16", 2 ** -11],
    ["bf16", 2 ** -7],
  ])("is read from %s", async (name, tolerance) => {
    const actual = await readOne(fixture, name);
    expect(actual).toHaveLength(values.length);
    for (const [i, value] of values.entries())
      expect(Math.abs(actual[i]! - value)).toBeLessThanOrEqual(tolerance * Math.abs(value));
  });

  it("gives infinities, NaN and minus zero", async () => {
    expect(await readOne(fixture, "special")).toEqual([
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
      -0,
    ]);
  });

  it("gives shapes, scalars, empty tensors and metadata", async () => {
    await using file = await openTensorFile(fixture);
    expect(file.metadata).toEqual({ made: "by safetensors" });
    expect(file.tensors.get("f16")).toMatchObject({ dtype: "F16", shape: [2, 3] });
    expect(file.tensors.get("scalar")?.shape).toEqual([]);
    expect([...(await file.read("scalar"))]).toEqual([7]);
    expect(await file.read("none")).toHaveLength(0);
  });

  it("has a tensor of integers, which is refused when it is read", async () => {
    await expect(readOne(fixture, "i64")).rejects.toMatchObject({
      code: "bad-weights",
      message: `Expected 'i64' in '${fixture}' to be one of F32, F64, F16, BF16 but it is I64.`,
    });
  });

  it("says so when a tensor is not there", async () => {
    await expect(readOne(fixture, "f8")).rejects.toMatchObject({
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
      const path = await folder.save(bytes);
      expect(await readOne(path, "a")).toEqual([...a.data]);
      expect(await readOne(path, "b.weight")).toEqual([...b.data]);
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

describe("a safetensors file is refused", () => {
  const entry = (shape: string, offsets: string, dtype = "F32") =>
    `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;
  const lacks = "Expected dtype, shape and data_offsets of 'a' in 'F' but its header lacks them.";

  it.each<[string, Uint8Array, RegExp | string]>([
    [
      "with a huge header",
      Buffer.from("\xff\xff\xff\xff\xff\xff\0\0{}", "latin1"),
      "Expected a safetensors header of at most 100000000 bytes in 'F' but it says 281474976710655.",
    ],
    [
      "cut in its header",
      whole.subarray(0, 40),
      /^Expected at least \d+ bytes in 'F' but it has 40: it is cut short, get it again\.$/,
    ],
    ["not JSON", raw("{nonsense"), "Expected a JSON header in 'F' but it can't be parsed."],
    ["without offsets", raw('{"a":{"dtype":"F32","shape":[1]}}', 4), lacks],
    ["with null for a tensor", raw('{"a":null}'), lacks],
    ["with a text for a tensor", raw('{"a":"F32"}'), lacks],
    ["with negative offsets", raw(`{"a":${entry("[1]", "[-4,0]")}}`, 4), lacks],
    ["with half an offset", raw(`{"a":${entry("[1]", "[0.5,4.5]")}}`, 4), lacks],
    ["with three offsets", raw(`{"a":${entry("[1]", "[0,4,8]")}}`, 4), lacks],
    ["with 65 dimensions", raw(`{"a":${entry(`[${Array(65).fill(1)}]`, "[0,4]")}}`, 4), lacks],
    ["with inherited fields only", raw(`{"a":{"__proto__":${entry("[1]", "[0,4]")}}}`, 4), lacks],
    [
      "with offsets of another size",
      raw(`{"a":${entry("[2]", "[0,4]")}}`, 4),
      "Expected 8 bytes for 'a' [2] in 'F' but its offsets are 0 and 4.",
    ],
    [
      "with offsets the wrong way round",
      raw(`{"a":${entry("[1]", "[4,0]")}}`, 4),
      "Expected 4 bytes for 'a' [1] in 'F' but its offsets are 4 and 0.",
    ],
    [
      "with bytes for an empty tensor",
      raw(`{"a":${entry("[0]", "[0,4]")}}`, 4),
      "Expected 0 bytes for 'a' [0] in 'F' but its offsets are 0 and 4.",
    ],
    [
      "with a product beyond numbers",
      raw(`{"a":${entry(`[${Array(40).fill(2 ** 53 - 1)}]`, "[0,4]")}}`, 4),
      /^Expected Infinity bytes for 'a' /,
    ],
    [
      "with tensors that overlap",
      raw(`{"a":${entry("[2]", "[0,8]")},"b":${entry("[2]", "[4,12]")}}`, 12),
      "Expected 'b' in 'F' to begin where the tensor before it ends, at 8, but it begins at 4.",
    ],
    [
      "with tensors in one place",
      raw(`{"a":${entry("[2]", "[0,8]")},"b":${entry("[2]", "[0,8]")}}`, 8),
      "Expected 'b' in 'F' to begin where the tensor before it ends, at 8, but it begins at 0.",
    ],
    [
      "with a hole, as two tensors of one name leave it",
      raw(`{"a":${entry("[1]", "[0,4]")},"a":${entry("[1]", "[4,8]")}}`, 8),
      "Expected 'a' in 'F' to begin where the tensor before it ends, at 0, but it begins at 4.",
    ],
    [
      "with more behind its tensors",
      raw(`{"a":${entry("[1]", "[0,4]")}}`, 5),
      /^Expected \d+ bytes in 'F' as its header says but it has \d+: it is damaged, get it again\.$/,
    ],
    [
      "with numbers for metadata",
      raw('{"__metadata__":{"a":1}}'),
      "Expected texts by name as __metadata__ in 'F' but it holds something else.",
    ],
    ["with a list for metadata", raw('{"__metadata__":[]}'), /^Expected texts by name as __metadata__/],
  ])("%s", async (_, content, sentence) => {
    const path = await folder.save(content);
    await expect(openTensorFile(path)).rejects.toMatchObject(refusal(path, sentence));
  });

  it("where a tensor is too large to hold, when it is read", async () => {
    const path = await folder.save(raw(`{"a":${entry("[1073741824]", "[0,4294967296]")}}`, 4));
    await expect(readOne(path, "a")).rejects.toMatchObject(
      refusal(path, /^Expected at most 268435456 elements/),
    );
  });
});

describe("a safetensors file", () => {
  it("may lack its end: tensors before that are read", async () => {
    const tensors = ["a", "b"].map((name) => [name, { shape: [1], data: Float32Array.of(7) }] as const);
    const path = await folder.save(encodeSafetensors(new Map(tensors)).subarray(0, -1));
    expect(await readOne(path, "a")).toEqual([7]);
    await expect(readOne(path, "b")).rejects.toMatchObject(
      refusal(path, /^Expected at least \d+ bytes in 'F' but it has \d+: it is cut short, get it again\.$/),
    );
  });

  it("may name its tensors and types as objects name what they have of themselves", async () => {
    const one = { shape: [1], data: Float32Array.of(7) };
    const path = await folder.save(encodeSafetensors(new Map([["__proto__", one]])));
    expect(await readOne(path, "__proto__")).toEqual([7]);
    const other = await folder.save(raw('{"a":{"dtype":"constructor","shape":[1],"data_offsets":[0,3]}}', 3));
    await expect(readOne(other, "a")).rejects.toMatchObject(refusal(other, /but it is constructor\.$/));
  });

  it("can be written in parts", async () => {
    const tensors = new Map([["a", { shape: [2], data: Float32Array.of(0, 1, 2).subarray(1) }]]);
    const path = join(folder.path, "parts");
    await writeFile(path, safetensorsParts(tensors, { made: "in parts" }));
    expect(await readOne(path, "a")).toEqual([1, 2]);
  });
});
