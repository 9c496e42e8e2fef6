// Partial sums of the Gram matrix F F^T of features F: [channels/4][pixels] Texel (lib/texel_*.wgsl). It is symmetric,
// so only the 64 x 64 tiles on and above the diagonal are computed, zeros beyond the last channel: tile (i, j) with i
// <= j is number j (j + 1) / 2 + i.
//   partials: [chunks][tiles][64][64] f32; chunk k sums over pixels k * chunk_pixels .. (k + 1) * chunk_pixels
// One workgroup: one tile over one chunk, in steps of 16 pixels held in workgroup memory; one invocation: 8 x 4
// products, as many for each read of workgroup memory as in conv2d_gemm.wgsl.
//
// Reference: gram in engine/ops/reference.ts.
// Recorder: engine/ops/gpu/gram.ts. Test: engine/ops/gram.test.ts.
struct Params {
  pixels: u32,
  channels: u32,  // a multiple of 32
  chunk_pixels: u32,  // a multiple of 16
}

@group(0) @binding(0) var<storage, read> x: array<Texel>;
@group(0) @binding(1) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

// [64 / 4 channels][16 pixels and one that is not used, so that neighbours are in different banks]
var<workgroup> left: array<vec4f, 272>;
var<workgroup> right: array<vec4f, 272>;

fn feature(i: u32, inside: bool) -> vec4f {
  if (inside) {
    return vec4f(x[i]);
  }
  return vec4f();
}

@compute @workgroup_size(128)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  var j = 0u;
  while ((j + 1u) * (j + 2u) / 2u <= group.x) {
    j++;
  }
  let i = group.x - j * (j + 1u) / 2u;
  let pixel = local & 15u;
  let c4 = local >> 4u;  // and c4 + 8
  let left_row = (16u * i + c4) * params.pixels;
  let right_row = (16u * j + c4) * params.pixels;
  let left_full = 64u * i + 32u < params.channels;  // else the tile's lower half is beyond the last channel
  let right_full = 64u * j + 32u < params.channels;
  let slot = c4 * 17u + pixel;

  let a4 = 2u * (local >> 4u);  // rows of the tile that this invocation computes, in fours: a4 and a4 + 1
  let b4 = local & 15u;         // and its columns
  var sums: array<vec4f, 8>;
  let start = group.y * params.chunk_pixels;
  let end = min(start + params.chunk_pixels, params.pixels);
  for (var first = start; first < end; first += 16u) {
    let p = first + pixel;
    let left0 = feature(left_row + p, p < end);
    let left1 = feature(left_row + 8u * params.pixels + p, p < end && left_full);
    let right0 = feature(right_row + p, p < end);
    let right1 = feature(right_row + 8u * params.pixels + p, p < end && right_full);
    workgroupBarrier();
    left[slot] = left0;
    left[slot + 136u] = left1;
    right[slot] = right0;
    right[slot + 136u] = right1;
    workgroupBarrier();
    for (var k = 0u; k < 16u; k++) {
      let low = left[a4 * 17u + k];
      let high = left[a4 * 17u + 17u + k];
      let b = right[b4 * 17u + k];
      sums[0] += low.x * b;
      sums[1] += low.y * b;
      sums[2] += low.z * b;
      sums[3] += low.w * b;
      sums[4] += high.x * b;
      sums[5] += high.y * b;
      sums[6] += high.z * b;
      sums[7] += high.w * b;
    }
  }
  let tile = (group.y * groups.x + group.x) * 1024u + 64u * a4 + b4;
  /* unroll */ for (var row = 0u; row < 8u; row++) {
    partials[tile + 16u * row] = sums[row];
  }
}
