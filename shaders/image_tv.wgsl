// Total variation of a picture v, [3][height][width]: L = scale_x * sum((v - right)^2) + scale_y * sum((v - below)^2)
// over neighbours inside the picture; its gradient is added to `gradient`, which has the picture's shape. Dispatched as
// LOSS_PARTIALS workgroups; each writes its share of L to row `term` of `partials`.
//
// Reference: totalVariation in engine/ops/reference.ts.
// Recorder: engine/losses/total-variation.ts. Test: engine/losses/total-variation.test.ts.
struct Params {
  height: u32,
  width: u32,
  term: u32,
  scale_x: f32,  // weight / number of horizontal pairs
  scale_y: f32,  // weight / number of vertical pairs
}

@group(0) @binding(0) var<storage, read> image: array<f32>;
@group(0) @binding(1) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(2) var<storage, read_write> partials: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let width = params.width;
  let count = 3u * params.height * width;
  var sum = 0.0;
  for (var i = group.x * 256u + local; i < count; i += groups.x * 256u) {
    let row = i / width % params.height;
    let column = i % width;
    let value = image[i];
    // A neighbour outside the picture counts as equal.
    var right = value;
    var left = value;
    var below = value;
    var above = value;
    if (column + 1u < width) { right = image[i + 1u]; }
    if (column > 0u) { left = image[i - 1u]; }
    if (row + 1u < params.height) { below = image[i + width]; }
    if (row > 0u) { above = image[i - width]; }
    let horizontal = (value - left) + (value - right);
    let vertical = (value - above) + (value - below);
    gradient[i] += 2.0 * (params.scale_x * horizontal + params.scale_y * vertical);
    sum += params.scale_x * (value - right) * (value - right) + params.scale_y * (value - below) * (value - below);
  }
  write_partial(group, groups, local, sum, 1.0);
}
