// Copies a buffer: how many bytes an adapter reads and writes.
//   x, y: [texels] vec4f; each invocation copies one, in a grid of several rows.
//
// Recorder: bench/gpu-report/peaks.ts. Test: bench/gpu-report/peaks.test.ts.
struct Params {
  texels: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = (group.y * groups.x + group.x) * 256u + local;
  if (i < params.texels) {
    y[i] = x[i];
  }
}
