// The candidate for a new L-BFGS pair: y = g - g_before, s = the last step, written to slot `head` of the ring; then
// g_before = g. One invocation does one texel, (i % WIDTH, i / WIDTH) of a layer: PARTS vec4f (lib/pairs_*.wgsl).
// `difference` is y as it was stored, so that all products are those of one and the same pair. Slabs hold the slots
// [firstSlot, firstSlot + slots); exactly one slab holds `head`, and only its dispatch does anything. Where the guard
// restores, `gradient` belongs to a picture that is given up: g_before stays, and y = 0 keeps the pair out, as it does
// at the first step, which has no gradient before.
//
// Reference: referenceLbfgs in engine/optimizers/reference.ts.
// Recorder: engine/optimizers/lbfgs.ts. Test: engine/optimizers/lbfgs.test.ts.
struct Params {
  vectors: u32,    // vec4f in the picture
  texels: u32,     // that hold them
  firstSlot: u32,
  slots: u32,
}

@group(0) @binding(0) var slab_s: texture_storage_2d_array<rgba32uint, write>;
@group(0) @binding(1) var slab_y: texture_storage_2d_array<rgba32uint, write>;
@group(0) @binding(2) var<storage, read> memory: Memory;
@group(0) @binding(3) var<storage, read> state: State;
@group(0) @binding(4) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(5) var<storage, read> step: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> before: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> difference: array<vec4f>;
@group(0) @binding(8) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_index(group, groups, local, 64u);
  // wraps around, and so is too large, where the head lies in an earlier slab
  let slot = memory.head - params.firstSlot;
  if (slot >= params.slots || i >= params.texels) {
    return;
  }
  var s: array<vec4f, PARTS>;
  var y: array<vec4f, PARTS>;
  for (var part = 0u; part < PARTS; part++) {
    let at = i * PARTS + part;
    s[part] = step[at];
    if (state.restored == 0u && at < params.vectors) {
      let g = gradient[at];
      y[part] = select(vec4f(), g - before[at], memory.yScale > 0.0);
      before[at] = g;
    }
  }
  let texel = vec2u(i % WIDTH, i / WIDTH);
  let stored = packed(y, memory.yScale);
  textureStore(slab_s, texel, slot, packed(s, S_SCALE));
  textureStore(slab_y, texel, slot, stored);
  let kept = unpacked(stored);
  for (var part = 0u; part < PARTS; part++) {
    difference[i * PARTS + part] = select(vec4f(), kept[part] / memory.yScale, memory.yScale > 0.0);
  }
}
