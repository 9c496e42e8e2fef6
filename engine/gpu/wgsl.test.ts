import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { readShader } from "../node.ts";
import { packParams, paramsSize, parseBindings, parseParams, usedBindings } from "./wgsl.ts";

const code = `
struct Params {
  width: u32,   // pixels, not a field: u32
  scale: f32,
  shift: i32,
}
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var t: texture_storage_2d_array<rgba32float, read>;
@group(0) @binding(3) var<uniform> params: Params;
struct Five { a: f32, b: f32, c: u32, d: u32, e: u32 }
@group(0) @binding(4) var<storage, read_write> five: Five;
var<workgroup> tile: array<f32, 4>;
`;

test("reads bindings in the order of their numbers", () => {
  expect(parseBindings(code)).toEqual([
    { name: "x", binding: 0, kind: "read-only-storage", bytes: 16 },
    { name: "y", binding: 1, kind: "storage", bytes: 16 },
    {
      name: "t",
      binding: 2,
      kind: { texture: "rgba32float", dimension: "2d-array", access: "read-only" },
      bytes: 16,
    },
    { name: "params", binding: 3, kind: "uniform", bytes: 16 },
    { name: "five", binding: 4, kind: "storage", bytes: 32 },
  ]);
});

test("leaves out bindings that nothing uses", () => {
  const text = `
@group(0) @binding(0) var<storage, read> x: array<vec4f>; // or x_texture
@group(0) @binding(1) var x_texture: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
// x is not used
fn main(@builtin(global_invocation_id) id: vec3u) { y[id.x] = textureLoad(x_texture, id.xy); }`;
  expect(parseBindings(text).map(({ name }) => name)).toEqual(["x", "x_texture", "y"]);
  expect(usedBindings(text).map(({ name }) => name)).toEqual(["x_texture", "y"]);
});

test("reads and packs the fields of struct Params", () => {
  const fields = parseParams(code);
  expect(fields.map(({ name, type }) => `${name}: ${type}`)).toEqual([
    "width: u32",
    "scale: f32",
    "shift: i32",
  ]);
  const bytes = new DataView(packParams(fields, { shift: -2, width: 7, scale: 0.5 }));
  expect([bytes.getUint32(0, true), bytes.getFloat32(4, true), bytes.getInt32(8, true)]).toEqual([
    7, 0.5, -2,
  ]);
  expect(bytes.byteLength).toBe(16);
  expect(paramsSize([...fields, ...fields])).toBe(32);
});

test.each<[string, Record<string, number>, RegExp]>([
  ["a missing field", { width: 1, scale: 1 }, /value for Params.shift/],
  ["an unknown field", { width: 1, scale: 1, shift: 1, hight: 1 }, /'hight'/],
  [
    "a fraction where an integer is",
    { width: 1.5, scale: 1, shift: 1 },
    /u32 for Params.width but received 1.5/,
  ],
  ["a negative u32", { width: -1, scale: 1, shift: 1 }, /u32 for Params.width but received -1/],
  [
    "a u32 of 33 bits",
    { width: 2 ** 32, scale: 1, shift: 1 },
    /u32 for Params.width but received 4294967296/,
  ],
  [
    "an i32 of 33 bits",
    { width: 1, scale: 1, shift: 2 ** 31 },
    /i32 for Params.shift but received 2147483648/,
  ],
  ["no number", { width: Number.NaN, scale: 1, shift: 1 }, /u32 for Params.width but received NaN/],
  ["an f32 out of range", { width: 1, scale: 1e39, shift: 1 }, /f32 for Params.scale but received 1e\+39/],
])("refuses %s", (_, values, message) => {
  expect(() => packParams(parseParams(code), values)).toThrow(message);
});

test("packs the least and the largest integers, and what is not finite, as they are", () => {
  const fields = parseParams(code);
  const pack = (values: Record<string, number>) =>
    new DataView(packParams(fields, { width: 0, scale: 0, shift: 0, ...values }));
  expect(pack({ width: 2 ** 32 - 1 }).getUint32(0, true)).toBe(2 ** 32 - 1);
  expect(pack({ shift: -(2 ** 31) }).getInt32(8, true)).toBe(-(2 ** 31));
  expect(pack({ scale: Number.NaN }).getFloat32(4, true)).toBeNaN();
  expect(pack({ scale: Infinity }).getFloat32(4, true)).toBe(Infinity);
});

test("refuses a field that is no 4-byte scalar", () => {
  expect(() => parseParams("struct Params { size: vec2u }")).toThrow(/4-byte scalar .* 'size: vec2u'/);
});

test("every shader's declarations can be read, and each has a uniform where it has Params", () => {
  const folder = fileURLToPath(import.meta.resolve("#shaders/lib/state.wgsl")).replace(
    /lib.state\.wgsl$/,
    "",
  );
  const names = readdirSync(folder).filter((name) => name.endsWith(".wgsl"));
  expect(names.length).toBeGreaterThan(20);
  for (const file of names) {
    const text = readShader(file.replace(".wgsl", ""));
    const uniforms = parseBindings(text).filter(({ kind }) => kind === "uniform");
    expect(uniforms.length, file).toBe(parseParams(text).length > 0 ? 1 : 0);
  }
});
