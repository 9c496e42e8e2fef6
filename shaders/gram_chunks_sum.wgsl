// Sum of the Gram products of all chunks: gram = (accumulate ? gram : 0) + scale * sum_z m[z].
//
// m: [chunks][channels/4][channels] vec4f, a texel holds four consecutive rows of one column; its lower left quarter
// was not computed. gram: [channels][channels] f32. One invocation: four values above the diagonal and their mirror
// images.
//
// Reference: gram in engine/ops/reference.ts.
// Recorder: engine/ops/cpu/gram.ts. Test: engine/ops/gram.test.ts.
struct Params { channels: u32, chunks: u32, accumulate: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> m: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> gram: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) g: vec3u, @builtin(num_workgroups) n: vec3u, @builtin(local_invocation_index) l: u32) {
  let id = linear_index(g, n, l, 64u);
  let row = id / params.channels * 4u;
  let column = id % params.channels;
  if (column < row) {
    return;
  }
  let stride = params.channels / 4u * params.channels;
  var sum = vec4f(0);
  for (var z = 0u; z < params.chunks; z++) { sum += m[z * stride + id]; }
  for (var i = 0u; i < 4u; i++) {
    let at = column * params.channels + row + i;
    let value = select(0.0, gram[at], params.accumulate == 1u) + params.scale * sum[i];
    gram[at] = value;
    // Within the 4x4 block on the diagonal, the mirror image is another invocation's own value.
    if (column >= row + 4u) {
      gram[(row + i) * params.channels + column] = value;
    }
  }
}
