// From the gradient of conv1_1's input to that of the picture: gradient[order[c]] = x[c] / std[c]. The adjoint of
// image_pack.wgsl.
//
// x: [rows][pitch] vec4f. gradient: [3][height][width] f32. One invocation: one pixel.
//
// Reference: dPreprocess in engine/ops/reference.ts.
// Recorder: engine/ops/cpu/operations.ts. Test: engine/ops/conv2d.test.ts.
struct Params {
  height: u32, width: u32, pitch: u32,
  order0: u32, order1: u32, order2: u32,
  std0: f32, std1: f32, std2: f32,
}
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) g: vec3u, @builtin(num_workgroups) n: vec3u, @builtin(local_invocation_index) l: u32) {
  let i = linear_index(g, n, l, 64u);
  let plane = params.height * params.width;
  if (i >= plane) { return; }
  let d = x[i / params.width * params.pitch + i % params.width].xyz / vec3f(params.std0, params.std1, params.std2);
  gradient[params.order0 * plane + i] = d.x;
  gradient[params.order1 * plane + i] = d.y;
  gradient[params.order2 * plane + i] = d.z;
}
