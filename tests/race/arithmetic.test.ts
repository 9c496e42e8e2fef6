/** The race checker's arithmetic: rounding to halves, and functions against a device that computes the same text. */
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import type { GpuContext } from "../../engine/gpu/context.ts";
import { toHalves } from "../../engine/gpu/precision.ts";
import { openTestContext, random } from "../../engine/ops/testing/operations.ts";
import { openRaceContext } from "./context.ts";
import { halfBits, halves, roundHalf } from "./half.ts";
import { type Content, runText } from "./run-text.ts";

describe("halves", () => {
  it("come back from each of the 65,536 values", () => {
    for (let bits = 0; bits < 2 ** 16; bits++) {
      const value = halves[bits]!;
      if (Number.isNaN(value)) expect(roundHalf(value)).toBeNaN();
      else if (roundHalf(value) !== value || halfBits(value) !== bits)
        expect.fail(`half ${bits} of ${value}`);
    }
  });

  it("are next to what lies between two of them, ties to even", () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const [low, high] = [halves[bits]!, halves[bits + 1]!];
      const middle = (low + high) / 2;
      const wanted = [low, low, bits % 2 === 0 ? low : high, high, high];
      const tiny = (high - low) / 1024;
      for (const sign of [1, -1]) {
        const given = [low, middle - tiny, middle, middle + tiny, high].map((x) => roundHalf(sign * x));
        if (given.some((x, i) => !Object.is(x, sign * wanted[i]!))) expect.fail(`between ${low} and ${high}`);
      }
    }
  });

  it("are infinite from the middle behind the largest on", () => {
    expect([65519.99, 65520, -65520, 1e30].map(roundHalf)).toEqual([65504, Infinity, -Infinity, Infinity]);
  });

  it("are those of the engine's own rounding", () => {
    const values = random(1, 20_000, -1, 1).map((x, i) => x * 2 ** ((i % 44) - 28));
    expect(Uint16Array.from(values, (x) => halfBits(roundHalf(x)))).toEqual(toHalves(values));
  });
});

/** Bits of a value in the order of the values, so that neighbours are 1 apart. */
const floatWord = new Float32Array(1);
const intWord = new Int32Array(floatWord.buffer);
function ordered(value: number): number {
  floatWord[0] = value;
  return intWord[0]! < 0 ? -2147483648 - intWord[0]! : intWord[0]!;
}

const COUNT = 4096;
const words = Uint32Array.from(random(7, COUNT, 0, 2 ** 32), (x, i) => (i % 3 === 0 ? x % 37 : x) >>> 0);
const wide = random(9, COUNT, -1, 1).map((x, i) => x * 2 ** ((i % 41) - 20));

interface Comparison {
  /** Of the values a and b, and n which is 0 to 31. */
  readonly expression: string;
  readonly type: "u32" | "i32" | "f32";
  /** Units in the last place that WGSL allows, both sides together; 0: the same bits. */
  readonly ulps?: number;
  /** What it allows where results are small. */
  readonly absolute?: number;
}

const whole = (type: "u32" | "i32", ...expressions: string[]): Comparison[] =>
  expressions.map((expression) => ({ expression, type }));
const float = (ulps: number, ...expressions: string[]): Comparison[] =>
  expressions.map((expression) => ({ expression, type: "f32", ulps }));

/** The accuracies are those of https://www.w3.org/TR/WGSL/#floating-point-accuracy. */
const comparisons: readonly Comparison[] = [
  ...whole(
    "u32",
    "a + b",
    "a - b",
    "a * b",
    "a / max(b, 1u)",
    "a % max(b, 1u)",
    "a & b",
    "a | b",
    "a ^ b",
    "~a",
  ),
  ...whole(
    "u32",
    "a << n",
    "a >> n",
    "min(a, b)",
    "max(a, b)",
    "clamp(a, 5u, 1000000u)",
    "select(a, b, a < b)",
  ),
  ...whole(
    "u32",
    "u32(a <= b) + 2u * u32(a != b)",
    "bitcast<u32>(bitcast<f32>(a & 0x3fffffffu))",
    "u32(i32(a))",
  ),
  ...whole(
    "u32",
    "dot(vec3u(a, b, 7u), vec3u(b, 3u, a))",
    "(vec4u(a) >> vec4u(0u, 1u, 2u, 3u)).w",
    "a + 3 * (b - 2)",
  ),
  ...whole("u32", "u32(any(vec2u(a, b) > vec2u(7u)))", "u32(all(vec2u(a, b) > vec2u(7u)))", "u32(f32(a))"),
  ...whole(
    "i32",
    "a + b",
    "a - b",
    "a * b",
    "a / max(b, 1)",
    "a % max(b, 1)",
    "-a",
    "~a",
    "a << n",
    "a >> n",
  ),
  ...whole("i32", "min(a, b)", "max(a, b)", "abs(a)", "sign(a)", "select(a, b, a > b)", "i32(f32(a) * 0.25)"),
  ...float(0, "a + b", "a - b", "a * b", "-a", "abs(a)", "min(a, b)", "max(a, b)", "clamp(a, -1.5, b * b)"),
  ...float(0, "floor(a)", "ceil(a)", "trunc(a)", "round(a)", "sign(a)", "select(a, b, a > b)", "f32(i32(a))"),
  ...float(
    0,
    "ldexp(a, i32(n) - 9)",
    "f32(u32(abs(a)))",
    "unpack2x16float(pack2x16float(vec2f(floor(a), 2.0))).x",
  ),
  ...float(5, "a / b"),
  ...float(8, "sqrt(abs(a))", "inverseSqrt(abs(a) + 0.01)"),
  { expression: "exp2(b * 0.0001)", type: "f32", ulps: 14 },
  { expression: "log2(abs(a) + 0.1)", type: "f32", ulps: 6, absolute: 2 ** -20 },
  { expression: "dot(vec3f(a, b, 1.0), vec3f(b, 2.0, a))", type: "f32", ulps: 4, absolute: 1 },
  { expression: "(mat2x3f(a, b, 1.0, 2.0, a, b) * vec2f(b, 0.5)).y", type: "f32", ulps: 4, absolute: 1 },
];

const readers = {
  u32: (bytes: ArrayBuffer) => new Uint32Array(bytes),
  i32: (bytes: ArrayBuffer) => new Int32Array(bytes),
  f32: (bytes: ArrayBuffer) => new Float32Array(bytes),
};

describe("arithmetic of the checker and of an adapter", () => {
  let adapter: GpuContext;
  beforeAll(async () => {
    adapter = await openTestContext("gpu");
  });
  afterAll(() => adapter[Symbol.dispose]());

  const run = async (type: Comparison["type"], expressions: readonly string[]) => {
    const lines = expressions.map((expression, i) => `y[${i}u * ${COUNT}u + i] = ${expression};`);
    const text = `@group(0) @binding(0) var<storage, read> x: array<${type}>;
@group(0) @binding(1) var<storage, read_write> y: array<${type}>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
let i = id.x;
let a = x[i];
let b = x[(i * 7u + 3u) % ${COUNT}u];
let n = i % 32u;
${lines.join("\n")}
}`;
    const data: Content = type === "f32" ? wide : type === "u32" ? words : new Int32Array(words.buffer);
    const contents = [data, new Uint32Array(COUNT * expressions.length)];
    const checker = openRaceContext();
    const [here, there] = await Promise.all(
      [checker.device, adapter.device].map((device) => runText(device, text, contents, [COUNT / 64])),
    );
    expect(checker.faults.sentences).toEqual([]);
    return [readers[type](here![1]!), readers[type](there![1]!)] as const;
  };

  test.each(["u32", "i32", "f32"] as const)("gives the same %s", async (type) => {
    const chosen = comparisons.filter((comparison) => comparison.type === type);
    const [here, there] = await run(
      type,
      chosen.map(({ expression }) => expression),
    );
    for (const [row, { expression, ulps = 0, absolute = 0 }] of chosen.entries()) {
      for (let i = 0; i < COUNT; i++) {
        const [a, b] = [here[row * COUNT + i]!, there[row * COUNT + i]!];
        const scale =
          absolute === 1
            ? 2 ** -21 * (Math.abs(wide[i]!) + 1) * (Math.abs(wide[(i * 7 + 3) % COUNT]!) + 1)
            : absolute;
        const isClose =
          a === b ||
          (type === "f32" && (Math.abs(ordered(a) - ordered(b)) <= ulps || Math.abs(a - b) <= scale));
        if (!isClose) expect.fail(`${expression} number ${i}: ${a} here and ${b} on ${adapter.adapterName}`);
      }
    }
  });

  it("gives the same halves where the adapter has them", async ({ skip }) => {
    skip(!adapter.device.features.has("shader-f16"), "the adapter has no shader-f16");
    const operations = [
      "a + b",
      "a * b",
      "a - b",
      "max(a, b)",
      "f16(f32(a) * 3.0)",
      "-a",
      "abs(b)",
      "a * 0.5h",
    ];
    const lines = operations.map((expression, i) => `y[${i}u * ${COUNT}u + i] = ${expression};`);
    const text = `enable f16;
@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
let i = id.x;
let a = x[i];
let b = x[(i * 7u + 3u) % ${COUNT}u];
${lines.join("\n")}
}`;
    // All from 2^-6 to 2^6, where no result is subnormal or infinite.
    const given = Uint16Array.from(
      random(3, COUNT, 0x2400, 0x5400),
      (x, i) => Math.floor(x) | (i % 2 ? 0x8000 : 0),
    );
    const contents = [new Uint32Array(given.buffer), new Uint32Array((COUNT / 2) * operations.length)];
    const [here, there] = await Promise.all(
      [openRaceContext().device, adapter.device].map((device) =>
        runText(device, text, contents, [COUNT / 64]),
      ),
    );
    const [a, b] = [new Uint16Array(here![1]!), new Uint16Array(there![1]!)];
    for (const [row, expression] of operations.entries()) {
      const differs = a.subarray(row * COUNT, (row + 1) * COUNT).findIndex((bits, i) => {
        const other = b[row * COUNT + i]!;
        return bits !== other && (bits & 0x7fff) + (other & 0x7fff) !== 0;
      });
      expect(differs, expression).toBe(-1);
    }
  });
});
