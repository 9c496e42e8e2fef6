// Sum of the Gram products of all chunks: gram = (accumulate ? gram : 0) + scale * sum_z m[z].
//
// m: [chunks][channels/4][channels] vec4f, a texel holds four consecutive rows of one column. gram: [channels][channels/4] vec4f; it is
// symmetric, so that rows and columns may change places. One invocation: four values.
struct Params { channels: u32, chunks: u32, accumulate: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> m: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> gram: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) g: vec3u, @builtin(num_workgroups) n: vec3u, @builtin(local_invocation_index) l: u32) {
  let id = linear_index(g, n, l, 64u);
  let row4 = id / params.channels;
  let column = id % params.channels;
  let stride = params.channels / 4u * params.channels;
  var sum = vec4f(0);
  for (var z = 0u; z < params.chunks; z++) { sum += m[z * stride + id]; }
  let o = column * (params.channels / 4u) + row4;
  gram[o] = select(vec4f(0), gram[o], params.accumulate == 1u) + params.scale * sum;
}
