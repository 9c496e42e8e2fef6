// Sums the partial Gram matrices of gram_product.wgsl over their chunks, in order, and mirrors them below the diagonal:
//   gram: [channels][channels] f32 = scale * sum
// One invocation a value.
//
// Reference: gram in engine/ops/reference.ts.
// Recorder: engine/ops/gpu/gram.ts. Test: engine/ops/gram.test.ts.
struct Params {
  channels: u32,
  tiles: u32,
  chunks: u32,
  scale: f32,  // 1 / pixels
}

@group(0) @binding(0) var<storage, read> partials: array<f32>;
@group(0) @binding(1) var<storage, read_write> gram: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = linear_index(group, groups, local, 64u);
  if (index >= params.channels * params.channels) {
    return;
  }
  let m = min(index / params.channels, index % params.channels);
  let n = max(index / params.channels, index % params.channels);
  let j = n / 64u;
  let tile = j * (j + 1u) / 2u + m / 64u;
  var sum = 0.0;
  for (var chunk = 0u; chunk < params.chunks; chunk++) {
    sum += partials[(chunk * params.tiles + tile) * 4096u + (m % 64u) * 64u + n % 64u];
  }
  gram[index] = params.scale * sum;
}
