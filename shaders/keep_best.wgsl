// best = image, if the loss of this evaluation is the least of its scale. One invocation does one vec4f.
//
// Reference: none, for nothing is computed.
// Recorder: engine/losses/objective.ts. Test: engine/stylize.test.ts.
struct Params {
  vectors: u32,
}

@group(0) @binding(0) var<storage, read> image: array<vec4f>;
@group(0) @binding(1) var<storage, read> state: State;
@group(0) @binding(2) var<storage, read_write> best: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) g: vec3u, @builtin(num_workgroups) n: vec3u, @builtin(local_invocation_index) l: u32) {
  let i = linear_index(g, n, l, 64u);
  if (i < params.vectors && state.restored == 0u && state.loss == state.best) {
    best[i] = image[i];
  }
}
