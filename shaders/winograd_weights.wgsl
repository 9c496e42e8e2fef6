// Weights of a 3x3 convolution to Winograd's F(4x4, 3x3): u = G w G^T, for both directions.
//
// w: [out][in][3][3] f32 as stored. u: [36][out/4][depth] vec4f, four outputs of one input channel a texel; surplus inputs are zero.
// One invocation: one texel of all 36 positions. Source: Lavin and Gray (2015), points 0, +-1, +-2, infinity.
struct Params {
  plane: u32,       // texels of a position
  depth: u32,       // input channels, padded to a multiple of 4
  real_depth: u32,
}
@group(0) @binding(0) var<storage, read> w: array<f32>;
@group(0) @binding(1) var<storage, read_write> u: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

fn tap(row: u32, k: u32, i: u32) -> f32 {
  let inside = k < params.real_depth;
  return select(0.0, w[select(0u, (row * params.real_depth + k) * 9u + i, inside)], inside);
}

fn taps(row: u32, k: u32, i: u32) -> vec4f {
  return vec4f(tap(row, k, i), tap(row + 1u, k, i), tap(row + 2u, k, i), tap(row + 3u, k, i));
}

// One-dimensional G: 3 values to 6.
fn transform(a: vec4f, b: vec4f, c: vec4f) -> array<vec4f, 6> {
  let even = (a + c) / -6.0;
  let odd = b / 6.0;
  let far_even = a / 24.0 + c / 6.0;
  let far_odd = b / 12.0;
  return array(a / 4.0, even - odd, even + odd, far_even + far_odd, far_even - far_odd, c);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) g: vec3u, @builtin(num_workgroups) n: vec3u, @builtin(local_invocation_index) l: u32) {
  let id = linear_index(g, n, l, 64u);
  if (id >= params.plane) { return; }
  let row = id / params.depth * 4u;
  let k = id % params.depth;

  let column0 = transform(taps(row, k, 0u), taps(row, k, 3u), taps(row, k, 6u));
  let column1 = transform(taps(row, k, 1u), taps(row, k, 4u), taps(row, k, 7u));
  let column2 = transform(taps(row, k, 2u), taps(row, k, 5u), taps(row, k, 8u));

  for (var r = 0u; r < 6u; r++) {
    let line = transform(column0[r], column1[r], column2[r]);
    for (var c = 0u; c < 6u; c++) {
      u[(r * 6u + c) * params.plane + id] = line[c];
    }
  }
}
