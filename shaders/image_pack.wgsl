// The picture as conv1_1's input on the cpu family: (rgb[order] - mean) / std.
//
// image: [3][height][width] f32. y: [height][pitch] vec4f with w = 0. One invocation: one pixel.
//
// Reference: preprocess in engine/ops/reference.ts.
// Recorder: engine/ops/cpu/operations.ts. Test: engine/ops/conv2d.test.ts.
struct Params {
  height: u32, width: u32, pitch: u32,
  order0: u32, order1: u32, order2: u32,
  mean0: f32, mean1: f32, mean2: f32,
  std0: f32, std1: f32, std2: f32,
}
@group(0) @binding(0) var<storage, read> image: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) g: vec3u, @builtin(num_workgroups) n: vec3u, @builtin(local_invocation_index) l: u32) {
  let i = linear_index(g, n, l, 64u);
  let plane = params.height * params.width;
  if (i >= plane) { return; }
  let rgb = vec3f(image[params.order0 * plane + i], image[params.order1 * plane + i], image[params.order2 * plane + i]);
  let mean = vec3f(params.mean0, params.mean1, params.mean2);
  let deviation = vec3f(params.std0, params.std1, params.std2);
  y[i / params.width * params.pitch + i % params.width] = vec4f((rgb - mean) / deviation, 0.0);
}
