// Weights of a 3x3 convolution to Winograd's F(4x4, 3x3) on llvmpipe: u = G w G^T (lib/winograd4.wgsl), for both
// directions.
//
// w: [out][in][3][3] f32 as stored. u: [36][out/4][depth] vec4f, four outputs of one input channel a texel. One
// invocation: one texel of all 36 positions. Its stores are in loops that nobody can unroll, for no compiler knows that
// `zero` is 0: with 36 of them in a row, which are taken apart lane by lane, llvmpipe's takes more than twice as long.
//
// Reference: conv, dConv in engine/ops/reference.ts.
// Recorder: engine/ops/cpu/family.ts. Test: engine/ops/conv2d.test.ts.
struct Params {
  plane: u32,       // texels of a position
  depth: u32,       // input channels
  zero: u32,
}
@group(0) @binding(0) var<storage, read> w: array<f32>;
@group(0) @binding(1) var<storage, read_write> u: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

fn tap(row: u32, k: u32, i: u32) -> f32 {
  return w[(row * params.depth + k) * 9u + i];
}

fn taps(row: u32, k: u32, i: u32) -> vec4f {
  return vec4f(tap(row, k, i), tap(row + 1u, k, i), tap(row + 2u, k, i), tap(row + 3u, k, i));
}

// Column i of G w.
fn column(row: u32, k: u32, i: u32) -> array<vec4f, INPUTS> {
  return transform_weights(array(taps(row, k, i), taps(row, k, i + 3u), taps(row, k, i + 6u)));
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) g: vec3u, @builtin(num_workgroups) n: vec3u, @builtin(local_invocation_index) l: u32) {
  let id = linear_index(g, n, l, 64u);
  if (id >= params.plane) { return; }
  let row = id / params.depth * 4u;
  let k = id % params.depth;

  let column0 = column(row, k, 0u);
  let column1 = column(row, k, 1u);
  let column2 = column(row, k, 2u);

  for (var r = params.zero; r < INPUTS; r++) {
    let line = transform_weights(array(column0[r], column1[r], column2[r]));
    for (var c = params.zero; c < INPUTS; c++) {
      u[(r * INPUTS + c) * params.plane + id] = line[c];
    }
  }
}
