// The step of L-BFGS: step = c_g g + sum_slot (c_s s + c_y y). One lane does BLOCK texels of PARTS vec4f
// (lib/pairs_*.wgsl), so that a slot's coefficients are loaded once for 2 * BLOCK texels; eight lanes together do 8 *
// BLOCK in a row, which is what llvmpipe reads fastest (lbfgs_dots.wgsl says why). The first slab starts the sum, every
// further one adds its slots: the same bits, however many there are.
//
// Reference: referenceLbfgs in engine/optimizers/reference.ts.
// Recorder: engine/optimizers/lbfgs.ts. Test: engine/optimizers/lbfgs.test.ts.
struct Params {
  stride: u32,     // texels in a vector of the history
  firstSlot: u32,  // of this slab
  slots: u32,      // of this slab that may hold pairs
  factor: u32,     // where coefficients[] has the factor of g
}

@group(0) @binding(0) var slab_s: texture_storage_2d_array<rgba32uint, read>;
@group(0) @binding(1) var slab_y: texture_storage_2d_array<rgba32uint, read>;
@group(0) @binding(2) var<storage, read> coefficients: array<vec2f>;
@group(0) @binding(3) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> step: array<vec4f>;
@group(0) @binding(5) var<uniform> params: Params;

const BLOCK = 4u;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let start = linear_index(group, groups, 0u, 64u) * BLOCK;
  if (start >= params.stride) {
    return;
  }
  let first = start + local / 8u * (8u * BLOCK) + local % 8u;
  let factor = coefficients[params.factor].x;
  var sum: array<array<vec4f, PARTS>, BLOCK>;
  var texel: array<vec2u, BLOCK>;
  for (var b = 0u; b < BLOCK; b++) {
    let i = first + 8u * b;
    texel[b] = vec2u(i % WIDTH, i / WIDTH);
    for (var part = 0u; part < PARTS; part++) {
      if (params.firstSlot == 0u) {
        sum[b][part] = factor * gradient[i * PARTS + part];
      } else {
        sum[b][part] = step[i * PARTS + part];
      }
    }
  }
  for (var slot = 0u; slot < params.slots; slot++) {
    let c = coefficients[params.firstSlot + slot];
    for (var b = 0u; b < BLOCK; b++) {
      let s = unpacked(textureLoad(slab_s, texel[b], slot));
      let y = unpacked(textureLoad(slab_y, texel[b], slot));
      for (var part = 0u; part < PARTS; part++) {
        sum[b][part] += c.x * s[part] + c.y * y[part];
      }
    }
  }
  for (var b = 0u; b < BLOCK; b++) {
    for (var part = 0u; part < PARTS; part++) {
      step[(first + 8u * b) * PARTS + part] = sum[b][part];
    }
  }
}
