// Style loss L = scale * sum((G - A)^2) of a Gram matrix G = F F^T / (height * width) against its target A, both
// [channels][channels], and the symmetric matrix E with dL/dF = E F:
//   E = gradient_scale (G - A)   (Gatys, Ecker and Bethge 2016, equation 6)
// E is written in the order in which a 1x1 convolution reads its weights (lib/weight_*.wgsl).
// Dispatched as LOSS_PARTIALS workgroups; each writes its share of L to row `term` of `partials`.
//
// Reference: styleLoss in engine/ops/reference.ts.
// Recorder: engine/ops/elementwise.ts. Test: engine/ops/losses.test.ts.
struct Params {
  channels: u32,
  term: u32,
  scale: f32,
  gradient_scale: f32,  // 4 scale / (height * width), times that of all gradients (losses/gradient-scale.ts)
}

@group(0) @binding(0) var<storage, read> gram: array<f32>;
@group(0) @binding(1) var<storage, read> target_gram: array<f32>;
@group(0) @binding(2) var<storage, read_write> e: array<f32>;
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  var sum = 0.0;
  for (var i = group.x * 256u + local; i < params.channels * params.channels; i += groups.x * 256u) {
    let difference = gram[i] - target_gram[i];
    e[weight_index(i / params.channels, i % params.channels)] = params.gradient_scale * difference;
    sum += difference * difference;
  }
  write_partial(group, groups, local, sum, params.scale);
}
