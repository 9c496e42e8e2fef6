// The step of L-BFGS and the update of the picture: step = c_g g + sum_slot (c_s s + c_y y); previous = image; image += step.
// One lane does BLOCK vec4f, 64 apart, so that a slot's coefficients are loaded once for 2 * BLOCK history vectors. Every slab adds its slots
// to `step`: the first starts the sum, the last updates the picture. Where the guard restores, the picture starts again from `previous`.
struct Params {
  vectors: u32,    // vec4f in the picture
  stride: u32,     // vec4f in a vector of the history
  firstSlot: u32,  // of this slab
  slots: u32,      // of this slab that may hold pairs
  factor: u32,     // where coefficients[] has the factor of g
  isFirst: u32,
  isLast: u32,
}

@group(0) @binding(0) var<storage, read> coefficients: array<vec2f>;
@group(0) @binding(1) var slab_s: texture_storage_2d_array<rgba32float, read>;
@group(0) @binding(2) var slab_y: texture_storage_2d_array<rgba32float, read>;
@group(0) @binding(3) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> step: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> image: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> previous: array<vec4f>;
@group(0) @binding(7) var<uniform> params: Params;

const BLOCK = 4u;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let first = linear_index(group, groups, 0u, 64u) * BLOCK + local;
  if (first - local >= params.stride) {
    return;
  }
  let factor = coefficients[params.factor];
  var sum: array<vec4f, BLOCK>;
  var texel: array<vec2u, BLOCK>;
  for (var b = 0u; b < BLOCK; b++) {
    let i = first + 64u * b;
    texel[b] = vec2u(i % WIDTH, i / WIDTH);
    if (params.isFirst != 0u) {
      sum[b] = factor.x * gradient[i];
    } else {
      sum[b] = step[i];
    }
  }
  for (var slot = 0u; slot < params.slots; slot++) {
    let c = coefficients[params.firstSlot + slot];
    for (var b = 0u; b < BLOCK; b++) {
      sum[b] += c.x * textureLoad(slab_s, texel[b], slot) + c.y * textureLoad(slab_y, texel[b], slot);
    }
  }
  for (var b = 0u; b < BLOCK; b++) {
    let i = first + 64u * b;
    step[i] = sum[b];
    if (params.isLast != 0u && i < params.vectors) {
      let base = select(image[i], previous[i], factor.y != 0.0);
      previous[i] = base;
      image[i] = base + sum[b];
    }
  }
}
