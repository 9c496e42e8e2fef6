// y = finish(parts of a convolution's sums, added up): the end of conv2d_gemm.wgsl and conv2d_matrix.wgsl with SPLITS
// above 1.
//   m: [channels/4][SPLITS][height * width] vec4f; y: [channels/4][height][width] Texel (lib/texel_*.wgsl)
// One workgroup: 32 channels of 32 pixels, so that it makes whole words of the mask; one invocation: four of them.
//
// Reference: conv, dConv in engine/ops/reference.ts.
// Recorder: engine/ops/gpu/convolution.ts. Test: engine/ops/gpu/variants.test.ts.
struct Params {
  height: u32,
  width: u32,
  y_pitch: u32,  // width
  mask_tiles: u32,
}

const PIXELS = 32u;
const WORDS = select(1u, PIXELS, KEEPS_SIGNS);

@group(0) @binding(0) var<storage, read> m: array<vec4f>;
@group(0) @binding(1) var<storage, read> bias: array<vec4f>;          // forward
@group(0) @binding(2) var<storage, read_write> new_mask: array<u32>;  // forward
@group(0) @binding(3) var<storage, read> mask: array<u32>;            // masked, added
@group(0) @binding(4) var<storage, read_write> y: array<Texel>;
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> words: array<atomic<u32>, WORDS>;  // signs

@compute @workgroup_size(PIXELS, 8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let size = params.height * params.width;
  let p = group.x * PIXELS + local.x;
  let c4 = 8u * group.y + local.y;
  if (p < size) {
    var sum = vec4f();
    /* unroll */ for (var i = 0u; i < SPLITS; i++) {
      sum += m[(c4 * SPLITS + i) * size + p];
    }
    let value = finish(c4, p, sum);
    y[c4 * size + p] = to_texel(value);
    if (KEEPS_SIGNS) {
      atomicOr(&words[local.x], signs(c4, value));
    }
  }
  if (KEEPS_SIGNS) {
    workgroupBarrier();
    if (local.y == 0u && p < size) {
      keep_signs(group.y, p, atomicLoad(&words[local.x]));
    }
  }
}
