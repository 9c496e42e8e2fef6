// Content loss L = scale * sum((F - T)^2) of kept features F (lib/features_*.wgsl) against a target T, and its gradient
//   d = (accumulate ? d : 0) + gradient_scale (F - T), zero where F is: behind the ReLU that F comes from
// T and d: flat texels of F's shape (lib/texel_*.wgsl). Dispatched as LOSS_PARTIALS workgroups; each writes its share
// of L to row `term` of `partials`.
//
// Reference: contentLoss in engine/ops/reference.ts.
// Recorder: engine/ops/elementwise.ts. Test: engine/ops/losses.test.ts.
struct Params {
  texels: u32,
  term: u32,
  accumulate: u32,
  scale: f32,
  gradient_scale: f32,  // 2 scale, times that of all gradients (losses/gradient-scale.ts)
}

@group(0) @binding(0) var<storage, read> x: array<Texel>;                    // lib/features_buffer.wgsl
@group(0) @binding(1) var x_texture: texture_storage_2d<rgba32float, read>;  // lib/features_texture.wgsl
@group(0) @binding(2) var<storage, read> target_features: array<Texel>;
@group(0) @binding(3) var<storage, read_write> d: array<Texel>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  var sum = 0.0;
  for (var i = group.x * 256u + local; i < params.texels; i += groups.x * 256u) {
    let feature = feature_at(i);
    let difference = feature - vec4f(target_features[i]);
    var gradient = select(vec4f(), params.gradient_scale * difference, feature > vec4f());
    if (params.accumulate != 0u) {
      gradient += vec4f(d[i]);
    }
    d[i] = to_texel(gradient);
    sum += dot(difference, difference);
  }
  write_partial(group, groups, local, sum, params.scale);
}
