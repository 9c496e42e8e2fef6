// The update of the picture by L-BFGS: previous = image; image += step. One invocation does one vec4f. Where the guard
// restores, the picture starts again from `previous`. This stands apart from lbfgs_combine.wgsl, whose lanes do eight
// vec4f each: llvmpipe's compiler takes ten times as long for eight conditional loads and stores as for one.
//
// Reference: referenceLbfgs in engine/optimizers/reference.ts.
// Recorder: engine/optimizers/lbfgs.ts. Test: engine/optimizers/lbfgs.test.ts.
struct Params {
  vectors: u32,  // vec4f in the picture
  factor: u32,   // where coefficients[] says whether the picture is restored
}

@group(0) @binding(0) var<storage, read> coefficients: array<vec2f>;
@group(0) @binding(1) var<storage, read> step: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> image: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> previous: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_index(group, groups, local, 64u);
  if (i >= params.vectors) {
    return;
  }
  let base = select(image[i], previous[i], coefficients[params.factor].y != 0.0);
  previous[i] = base;
  image[i] = base + step[i];
}
