/** Whatever the race checker does not know, or WGSL or WebGPU forbid, is an error. */
import { describe, expect, it, test } from "vitest";
import { bufferUsage } from "../../engine/gpu/webgpu.ts";
import { openRaceContext, type RaceOptions } from "./context.ts";
import { type Content, runText } from "./run-text.ts";
import { compile } from "./wgsl/compile.ts";

/** A module with this body of `main` from line 4 on, and these lines of the module behind it. */
const program = (body: string, module = "") => `@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@compute @workgroup_size(1)
fn main(@builtin(local_invocation_index) i: u32, @builtin(workgroup_id) group: vec3u) {
${body}
}
${module}`;

/** What is wrong in the body of `main`, told of with line 5. */
const bodies: readonly (readonly [text: string, message: RegExp])[] = [
  ["x[0] = frobnicate(1u);", /known function but received 'frobnicate'/],
  ["x[0] = nowhere;", /name of a value but received 'nowhere'/],
  ["x[0] = 1.5;", /u32 but received 1.5 of float/],
  ["x[0] = -1;", /u32 but received -1 of int/],
  ["x[0] = 4294967296;", /u32 but received 4294967296/],
  ["x[0] = 1i;", /Expected u32 but received i32/],
  ["let f: f32 = i;", /Expected f32 but received u32/],
  ["let f = 1.0 + i;", /f32|u32/],
  ["let f = i + 1i;", /Expected (u32|i32) but received/],
  ["let v = vec2u(1u) + vec3u(1u);", /operands of '\+'/],
  ["let b = vec2u(1u) < 1u;", /operands of '<'/],
  ["let b = i && true;", /condition but received u32/],
  ["let s = i << 1i;", /Expected u32 but received i32/],
  ["let s = i << 32u;", /shift by less than 32/],
  ["let d = i / 0u;", /divisor/],
  ["const big = 3e38f * 10f;", /range of f32/],
  ["let a = i & 1u == 0u;", /parentheses between/],
  ["let a = true && i > 0u || false;", /parentheses between/],
  ["let a = i << 1u << 2u;", /parentheses between/],
  ["let a = 1u < i < 3u;", /parentheses between/],
  ["switch (i) { default: {} }", /a name but received 'switch'/],
  ["discard;", /a name but received 'discard'/],
  ["loop { continuing { } }", /a name but received 'continuing'/],
  ["loop { break if i > 0u; }", /';' but received 'if'/],
  ["const_assert true;", /a name but received 'const_assert'/],
  ["if (i) { x[0] = 1u; }", /condition but received u32/],
  ["break;", /a loop around/],
  ["i = 1u;", /variable to assign to/],
  ["let a = 1u; a = 2u;", /variable to assign to/],
  ["let a = 1u; let a = 2u;", /'a' is declared already/],
  ["return 1u;", /'main' to return nothing/],
  ["var a: array<u32, 2>; a[2] = 1u;", /index below 2 but received 2/],
  ["var v: vec2u; v.z = 1u;", /components of a vector of 2/],
  ["var v: vec2u; v.xy = vec2u();", /Expected (a variable to assign to|a member)/],
  ["var h: f16;", /'enable f16;'/],
  ["let h = 1h;", /'enable f16;'/],
  ["var m: subgroup_matrix_left<f32, 8, 8>;", /enabled but it is not/],
  ["atomicAdd(&x[0], 1u);", /pointer to an atomic/],
  ["workgroupUniformLoad(&x[0]);", /pointer to workgroup memory/],
  ["workgroupBarrier(1u);", /0 arguments of 'workgroupBarrier'/],
  ["let s = select(1u, 2.5f, true);", /but received/],
  ["let m = max(1u, 2i);", /but received/],
  ["let m = sqrt(i);", /arguments of 'sqrt'/],
  ["let v = vec3f(1.0, 2.0);", /makes vec3<f32>/],
  ["let v = vec2<f64>();", /a type but received 'f64'/],
  ["let a = array<u32, 2>(1u);", /makes array<u32, 2>/],
  ["let b = bitcast<vec2u>(i);", /cast to vec2<u32>/],
  ["recurse();", /calls itself/],
  ["let p = &i;", /a variable behind '&'/],
  ["let a = 1u +;", /';'|a name/],
  ["let a = 0x;", /a number but received/],
  ["let a = 1u2;", /a number but received '1u2'/],
  ["let a = 012;", /a literal of int/],
  ["let a = #;", /a token but received '#/],
  ["/* no end", /the end of a comment/],
  ["let a = arrayLength(x);", /pointer to an array/],
  ["x[0] += 1.5;", /but received/],
  ["_ = workgroupBarrier();", /'workgroupBarrier' gives none/],
];

test.each(bodies)("of a body: %s", (text, message) => {
  const whole = program(`\n${text}`, "fn recurse() { recurse(); }");
  expect(() => compile(whole)).toThrow(message);
  const wanted = text === "recurse();" ? /^line 7:/ : /^line 5:/;
  expect(() => compile(whole)).toThrow(wanted);
});

test.each<[string, RegExp]>([
  ["override n: u32 = 1u;", /a declaration but received 'override'/],
  ["requires readonly_and_readwrite_storage_textures;", /a declaration but received 'requires'/],
  ["var<push_constant> c: u32;", /known address space but received 'push_constant/],
  ["var<storage, write> w: array<u32>;", /known address space but received 'storage, write/],
  ["var<workgroup, read> w: u32;", /known address space/],
  ["@group(0) @binding(1) @coherent var<storage> s: array<u32>;", /known attribute but received '@coherent'/],
  ["@must_use fn f() -> u32 { return 1u; }", /known attribute but received '@must_use'/],
  ["struct S { @align(16) a: u32 }", /a name but received '@'/],
  ["alias T = texture_2d<f32>;", /template list of 'texture_2d'/],
  ["alias T = texture_storage_2d<r8unorm, read>;", /template list/],
  ["alias T = mat2x2<u32>;", /a template list of 'mat2x2'/],
  ["alias T = atomic<f32>;", /template list of 'atomic'/],
  ["alias T = ptr<storage, u32>;", /template list of 'ptr'/],
  ["alias T = vec3;", /a type but received 'vec3'/],
  ["const a = b; const b = a;", /needs itself/],
  ["const n = 1u; const n = 2u;", /'n' is declared already/],
  ["alias T = array<u32, 0>;", /constant of 1 or more/],
  ["enable f16;", /a declaration but received 'enable'/],
])("of a module: %s", (text, message) => {
  expect(() => compile(program("x[0] = 1u;", text))).toThrow(message);
  expect(() => compile(program("x[0] = 1u;", text))).toThrow(/^line 6:/);
});

test.each<[string, RegExp]>([
  ["enable dual_source_blending;", /known extension but received 'dual_source_blending'/],
  ["diagnostic(off, derivative_uniformity);", /'chromium' but received 'derivative_uniformity'/],
  ["diagnostic(error, chromium.subgroup_matrix_uniformity);", /'off' but received 'error'/],
])("of a directive: %s", (text, message) => {
  expect(() => compile(`${text}\n${program("x[0] = 1u;")}`)).toThrow(message);
});

test.each<[string, string, RegExp]>([
  [
    "@builtin(workgroup_id) group: vec3u",
    "@builtin(sample_index) s: u32",
    /built-in value .* 'sample_index'/,
  ],
  [
    "@builtin(workgroup_id) group: vec3u",
    "@builtin(subgroup_size) s: u32",
    /built-in value .* 'subgroup_size'/,
  ],
  [
    "@builtin(workgroup_id) group: vec3u",
    "@builtin(workgroup_id) group: vec3f",
    /Expected vec3<u32> for 'group'/,
  ],
  ["@builtin(workgroup_id) group: vec3u", "@location(0) group: vec3u", /@builtin\(name\)/],
  ["@workgroup_size(1)", "", /@workgroup_size/],
  ["@compute", "@fragment", /known attribute but received '@fragment'/],
  ["fn main", "fn other", /one entry point 'main'/],
])("of an entry point: %s -> %s", (right, wrong, message) => {
  expect(() => compile(program("x[0] = 1u;").replace(right, wrong))).toThrow(message);
});

it("knows the files of all our shaders' features, and compiles what it should", () => {
  const text = program(
    "let v = vec4u(1u, vec2u(2u), 3u).wzyx; x[0] = v[i] + u32(group.x > 0u && x[1] == 2u);",
  );
  expect(compile(text).bound.map(({ name }) => name)).toEqual(["x"]);
});

describe("a device", () => {
  const run = (text: string, contents: readonly Content[], options: RaceOptions = {}, grid: [number] = [1]) =>
    runText(openRaceContext(options).device, text, contents, grid);
  const zeros = (count: number) => new Uint32Array(count);
  const shared = (type: string) => program("x[i] = w[i];", `var<workgroup> w: array<u32, ${type}>;`);

  test.each<[string, () => Promise<unknown>, RegExp]>([
    [
      "too large a workgroup",
      () => run(program("").replace("(1)", "(257)"), [zeros(4)]),
      /maxComputeWorkgroupSizeX/,
    ],
    [
      "too many invocations",
      () => run(program("x[0] = i;").replace("(1)", "(16, 17)"), [zeros(4)]),
      /InvocationsPer/,
    ],
    [
      "too much workgroup memory",
      () => run(shared("4097"), [zeros(4)]),
      /maxComputeWorkgroupStorageSize of 16400/,
    ],
    ["too many workgroups", () => run(program("x[0] = 1u;"), [zeros(4)], {}, [65_536]), /65535 workgroups/],
    [
      "halves without their feature",
      () => run(`enable f16;\n${program("x[0] = 1u;")}`, [zeros(4)], { features: [] }),
      /shader-f16/,
    ],
    ["too small a binding", () => run(program("x[0] = 1u;"), [zeros(2)]), /16 to \d+ bytes/],
    [
      "too large a buffer",
      () => run(program("x[0] = 1u;"), [zeros(64)], { limits: { maxBufferSize: 128 } }),
      /128 bytes at most/,
    ],
    [
      "too large a binding",
      () => run(program("x[0] = 1u;"), [zeros(64)], { limits: { maxStorageBufferBindingSize: 128 } }),
      /16 to 128 bytes/,
    ],
  ])("refuses %s", async (_, action, message) => {
    await expect(action()).rejects.toThrow(message);
  });

  const usage = bufferUsage.STORAGE | bufferUsage.COPY_SRC | bufferUsage.COPY_DST;
  const buffers = () => {
    const { device } = openRaceContext();
    return {
      device,
      a: device.createBuffer({ size: 64, usage }),
      b: device.createBuffer({ size: 64, usage }),
    };
  };

  it("refuses copies and writes outside", () => {
    const { device, a, b } = buffers();
    const encoder = device.createCommandEncoder();
    expect(() => encoder.copyBufferToBuffer(a, 4, b, 0, 64)).toThrow(/inside the 64/);
    expect(() => encoder.copyBufferToBuffer(a, 0, b, 8, 60)).toThrow(/inside the 64/);
    expect(() => encoder.copyBufferToBuffer(a, 2, b, 0, 8)).toThrow(/inside/);
    expect(() => encoder.copyBufferToBuffer(a, 0, a, 32, 8)).toThrow(/another buffer/);
    expect(() => device.queue.writeBuffer(a, 60, zeros(2))).toThrow(/inside the 64/);
  });

  it("refuses buffers that are destroyed, or not made for it", async () => {
    const { device, a } = buffers();
    await expect(a.mapAsync(1)).rejects.toThrow(/usage MAP_READ/);
    a.destroy();
    expect(() => device.queue.writeBuffer(a, 0, zeros(1))).toThrow(/destroyed/);
  });

  it("refuses one buffer at two bindings if it is written", () => {
    const { device, a } = buffers();
    const buffer = (type: GPUBufferBindingType) => ({ type, minBindingSize: 16 });
    const entries = [0, 1].map((binding) => ({ binding, visibility: 4, buffer: buffer("storage") }));
    const layout = device.createBindGroupLayout({ entries });
    const bound = [0, 1].map((binding) => ({ binding, resource: { buffer: a } }));
    expect(() => device.createBindGroup({ layout, entries: bound })).toThrow(/different memory/);
  });

  it("has nothing that the engine does not use", () => {
    const { device } = buffers();
    expect(() => device.createSampler()).toThrow(/no use of GPUDevice.createSampler/);
    expect(() => device.limits.maxColorAttachments).toThrow(
      /no use of GPUSupportedLimits.maxColorAttachments/,
    );
  });
});
