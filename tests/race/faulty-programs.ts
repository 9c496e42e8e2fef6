/** Small programs of one fault each, and the same without it. */
import type { RaceOptions } from "./context.ts";
import type { FaultKind } from "./machine/faults.ts";
import type { Content } from "./run-text.ts";

/** A program, and what to replace in it by what to make it faulty. The fault is told of at the line marked HERE. */
export interface Twins {
  readonly name: string;
  readonly kind: FaultKind;
  readonly buffer: string;
  readonly text: string;
  readonly fault: readonly [right: string, wrong: string];
  readonly contents?: readonly Content[];
  readonly grid?: readonly [number, number?, number?];
  readonly options?: RaceOptions;
}

export const main = (size: number, body: string) => `@compute @workgroup_size(${size})
fn main(@builtin(local_invocation_index) i: u32, @builtin(workgroup_id) group: vec3u) {
${body}
}`;
export const x = "@group(0) @binding(0) var<storage, read_write> x: array<u32>;\n";
export const zeros = (count: number) => new Uint32Array(count);

/** Each invocation reads what another has written to workgroup memory. */
const handedOver = `${x}var<workgroup> shared_: array<u32, 4>;\n${main(
  4,
  `shared_[i] = i; // HERE
workgroupBarrier();
x[i] = shared_[3u - i]; // HERE
`,
)}`;

export const races: readonly Twins[] = [
  {
    name: "a read of what another invocation wrote to workgroup memory",
    kind: "race within a workgroup",
    buffer: "shared_",
    text: handedOver,
    fault: ["workgroupBarrier();", ""],
  },
  {
    name: "a write behind reads of many invocations",
    kind: "race within a workgroup",
    buffer: "shared_",
    text: `${x}var<workgroup> shared_: array<u32, 8>;\n${main(
      8,
      `x[i] = shared_[0]; // HERE
workgroupBarrier();
if (i == 5u) { shared_[0] = 1u; } // HERE
`,
    )}`,
    fault: ["workgroupBarrier();", ""],
    contents: [zeros(8)],
  },
  {
    name: "a barrier of workgroup memory where one of storage is wanted",
    kind: "race within a workgroup",
    buffer: "x",
    text: `${x}@group(0) @binding(1) var<storage, read_write> y: array<u32>;\n${main(
      4,
      `x[i] = i; // HERE
storageBarrier();
y[i] = x[3u - i]; // HERE
`,
    )}`,
    fault: ["storageBarrier();", "workgroupBarrier();"],
    contents: [zeros(4), zeros(4)],
  },
  {
    name: "a barrier of storage where one of workgroup memory is wanted",
    kind: "race within a workgroup",
    buffer: "shared_",
    text: handedOver,
    fault: ["workgroupBarrier();", "storageBarrier();"],
  },
  {
    name: "a barrier of storage where one of textures is wanted",
    kind: "race within a workgroup",
    buffer: "t",
    text: `@group(0) @binding(0) var t: texture_storage_2d<rgba32uint, read_write>;\n${main(
      4,
      `textureStore(t, vec2u(i, 0u), vec4u(i)); // HERE
textureBarrier();
textureStore(t, vec2u(i, 1u), textureLoad(t, vec2u(3u - i, 0u))); // HERE
`,
    )}`,
    fault: ["textureBarrier();", "storageBarrier();"],
    contents: [{ texture: [4, 2, 1] }],
  },
  {
    name: "a load by each where workgroupUniformLoad is wanted",
    kind: "race within a workgroup",
    buffer: "one",
    text: `${x}var<workgroup> one: u32;\n${main(
      4,
      `if (i == 2u) { one = 7u; } // HERE
x[i] = workgroupUniformLoad(&one); // HERE
`,
    )}`,
    fault: ["workgroupUniformLoad(&one)", "one"],
  },
  {
    name: "the second load of what is written anew without a barrier behind the first",
    kind: "race within a workgroup",
    buffer: "one",
    text: `${x}var<workgroup> one: u32;\n${main(
      4,
      `for (var k = 0u; k < 2u; k++) {
if (i == k) { one = k; } // HERE
workgroupBarrier();
x[4u * k + i] = one; // HERE
workgroupBarrier(); // last
}`,
    )}`,
    fault: ["workgroupBarrier(); // last", ""],
    contents: [zeros(8)],
  },
  {
    name: "writes to two components of one vector",
    kind: "race within a workgroup",
    buffer: "v",
    text: `${x}var<workgroup> v: array<vec2u, 2>;\n${main(
      2,
      `v[i][0] = i; // HERE
workgroupBarrier();
x[i] = v[i].x;
`,
    )}`,
    fault: ["v[i][0]", "v[0][i]"],
  },
  {
    name: "two writes of the same value",
    kind: "race within a workgroup",
    buffer: "x",
    text: `${x}${main(4, "x[i] = 5u; // HERE")}`,
    fault: ["x[i]", "x[i / 2u]"],
  },
  {
    name: "counting without atomics",
    kind: "race within a workgroup",
    buffer: "n",
    text: `${x}var<workgroup> n: atomic<u32>;\n${main(
      4,
      `atomicAdd(&n, 1u);
workgroupBarrier();
x[i] = atomicLoad(&n);`,
    )}`,
    fault: [
      `var<workgroup> n: atomic<u32>;\n${main(
        4,
        `atomicAdd(&n, 1u);
workgroupBarrier();
x[i] = atomicLoad(&n);`,
      )}`,
      `var<workgroup> n: u32;\n${main(
        4,
        `n += 1u; // HERE
workgroupBarrier();
x[i] = n;`,
      )}`,
    ],
  },
  {
    name: "writes by two workgroups",
    kind: "race between workgroups",
    buffer: "x",
    text: `${x}${main(2, "x[2u * group.x + i] = group.x; // HERE")}`,
    fault: ["2u * group.x", "group.x"],
    contents: [zeros(8)],
    grid: [3],
  },
  {
    name: "a read of what another workgroup writes, in whatever order they go",
    kind: "race between workgroups",
    buffer: "x",
    text: `${x}@group(0) @binding(1) var<storage, read_write> y: array<u32>;\n${main(
      1,
      `if (group.x == 0u) { x[0] = 1u; } // HERE
storageBarrier();
y[group.x] = x[group.x]; // HERE
`,
    )}`,
    fault: ["x[group.x]", "x[0]"],
    contents: [zeros(8), zeros(8)],
    grid: [5],
  },
  {
    name: "one writer behind readers of several workgroups",
    kind: "race between workgroups",
    buffer: "x",
    text: `${x}@group(0) @binding(1) var<storage, read_write> y: array<u32>;\n${main(
      1,
      `y[group.x] = x[7]; // HERE
if (group.x == 3u) { x[6] = 1u; } // HERE
`,
    )}`,
    fault: ["x[6]", "x[7]"],
    contents: [zeros(8), zeros(8)],
    grid: [5],
  },
];

export const bounds: readonly Twins[] = [
  {
    name: "a read behind the end of a buffer",
    kind: "out of range",
    buffer: "y",
    text: `${x}@group(0) @binding(1) var<storage, read> y: array<u32>;\n${main(4, "x[i] = y[i]; // HERE")}`,
    fault: ["y[i]", "y[i + 1u]"],
    contents: [zeros(4), zeros(4)],
  },
  {
    name: "a write behind the end of a buffer",
    kind: "out of range",
    buffer: "x",
    text: `${x}${main(4, "x[i] = 1u; // HERE")}`,
    fault: ["x[i]", "x[i << 1u]"],
  },
  {
    name: "a write in front of an array",
    kind: "out of range",
    buffer: "shared_",
    text: `${x}var<workgroup> shared_: array<u32, 4>;\n${main(4, "shared_[i32(i)] = i; // HERE")}`,
    fault: ["i32(i)", "i32(i) - 1"],
  },
  {
    name: "an index behind an invocation's own array",
    kind: "out of range",
    buffer: "own",
    text: `${x}${main(
      4,
      `var own: array<u32, 4>;
x[i] = own[i]; // HERE`,
    )}`,
    fault: ["own[i]", "own[i * i]"],
  },
  {
    name: "a component that a vector lacks",
    kind: "out of range",
    buffer: "v",
    text: `${x}${main(
      4,
      `var v = vec3u(1u, 2u, 3u);
x[i] = v[i % 3u]; // HERE`,
    )}`,
    fault: ["i % 3u", "i"],
  },
  {
    name: "a texel outside",
    kind: "out of range",
    buffer: "t",
    text: `@group(0) @binding(0) var t: texture_storage_2d_array<rgba32uint, write>;\n${main(
      4,
      "textureStore(t, vec2u(i, 1u), 1u, vec4u()); // HERE",
    )}`,
    fault: ["vec2u(i, 1u)", "vec2u(i, 2u)"],
    contents: [{ texture: [4, 2, 2] }],
  },
  {
    name: "a division by zero",
    kind: "division by zero",
    buffer: "/",
    text: `${x}${main(4, "x[i] = 12u / max(x[i], 1u); // HERE")}`,
    fault: ["max(x[i], 1u)", "x[i]"],
  },
];

export const barriers: readonly Twins[] = [
  {
    name: "in a branch that not all take",
    kind: "barrier not reached by all",
    buffer: "workgroupBarrier",
    text: `${x}var<workgroup> shared_: u32;\n${main(
      4,
      `if (group.x == 0u) {
workgroupBarrier(); // HERE
}
x[i] = i;`,
    )}`,
    fault: ["group.x == 0u", "i < 2u"],
  },
  {
    name: "behind the end of some",
    kind: "barrier not reached by all",
    buffer: "storageBarrier",
    text: `${x}${main(
      4,
      `if (i > 7u) { return; }
storageBarrier(); // HERE
x[i] = i;`,
    )}`,
    fault: ["i > 7u", "i == 1u"],
  },
  {
    name: "each in a branch of its own",
    kind: "barrier not reached by all",
    buffer: "workgroupBarrier",
    text: `${x}${main(
      4,
      `if (group.x == 0u) {
workgroupBarrier(); // HERE
} else {
workgroupBarrier(); // HERE
}
x[i] = i;`,
    )}`,
    fault: ["group.x == 0u", "(i & 1u) == 0u"],
  },
  {
    name: "in a loop that not all go through as often",
    kind: "barrier not reached by all",
    buffer: "workgroupBarrier",
    text: `${x}${main(
      4,
      `for (var k = 0u; k < 2u; k++) {
workgroupBarrier(); // HERE
}
x[i] = i;`,
    )}`,
    fault: ["k < 2u", "k < i"],
  },
];

const matrices = { M: 8, N: 8, K: 8, componentType: "f32", resultComponentType: "f32" } as const;
const matrixOptions: RaceOptions = {
  subgroup: 4,
  matrixConfigs: [matrices],
  features: ["subgroups", "chromium-experimental-subgroup-matrix"],
};
const product = `enable subgroups;
enable chromium_experimental_subgroup_matrix;
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
var<workgroup> a: array<f32, 160>;
var<workgroup> sums: array<f32, 128>;
${main(
  8,
  `let subgroup = i / 4u;
for (var k = i; k < 160u; k += 8u) { a[k] = f32(k); }
workgroupBarrier();
let left = subgroupMatrixLoad<subgroup_matrix_left<f32, 8, 8>, col_major>(&a, 0u + 4u * subgroup, 12u); // LOAD
let right = subgroupMatrixLoad<subgroup_matrix_right<f32, 8, 8>, row_major>(&a, 64u, 12u);
var sum: subgroup_matrix_result<f32, 8, 8>;
sum = subgroupMatrixMultiplyAccumulate(left, right, sum);
subgroupMatrixStore<col_major>(&sums, 64u * subgroup, sum, 8u); // STORE
workgroupBarrier(); // stored
x[i] = sums[i]; // READ
`,
)}`;
const matrixTwins = (at: string, kind: FaultKind, buffer: string, right: string, wrong: string): Twins => ({
  name: `${right} -> ${wrong}`,
  kind,
  buffer,
  text: product.replaceAll(new RegExp(`// (${at})`, "g"), "// HERE"),
  fault: [right, wrong],
  contents: [new Float32Array(8)],
  options: matrixOptions,
});
export const subgroups: readonly Twins[] = [
  matrixTwins("LOAD", "not uniform in a subgroup", "a", "0u + 4u * subgroup", "4u * i"),
  matrixTwins("LOAD", "out of range", "a", "0u + 4u * subgroup", "80u + 4u * subgroup"),
  matrixTwins("LOAD", "misaligned", "a", "0u + 4u * subgroup", "1u + 4u * subgroup"),
  matrixTwins("STORE", "race within a workgroup", "sums", "64u * subgroup, sum", "32u * subgroup, sum"),
  matrixTwins("READ|STORE", "race within a workgroup", "sums", "workgroupBarrier(); // stored", ""),
];
