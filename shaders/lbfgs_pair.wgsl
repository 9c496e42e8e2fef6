// The candidate for a new L-BFGS pair: y = g - g_before, s = the last step, written to slot `head` of the ring; then g_before = g.
// One invocation does one vec4f, in the texel (i % WIDTH, i / WIDTH) of a layer. Slabs hold the slots [firstSlot, firstSlot + slots); exactly one slab holds `head`, and only its dispatch
// does anything. Where the guard restores, `gradient` belongs to a picture that is given up: g_before stays, and y = 0 keeps the pair out.
struct Params {
  vectors: u32,    // vec4f in the picture
  firstSlot: u32,
  slots: u32,
}

@group(0) @binding(0) var<storage, read> memory: Memory;
@group(0) @binding(1) var<storage, read> state: State;
@group(0) @binding(2) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(3) var<storage, read> step: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> before: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> difference: array<vec4f>;
@group(0) @binding(6) var slab_s: texture_storage_2d_array<rgba32float, write>;
@group(0) @binding(7) var slab_y: texture_storage_2d_array<rgba32float, write>;
@group(0) @binding(8) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_index(group, groups, local, 64u);
  let slot = memory.head - params.firstSlot; // wraps around, and so is too large, where the head lies in an earlier slab
  if (slot >= params.slots || i >= params.vectors) {
    return;
  }
  var y = vec4f();
  if (state.restored == 0u) {
    let g = gradient[i];
    y = g - before[i];
    before[i] = g;
  }
  difference[i] = y;
  let at = vec2u(i % WIDTH, i / WIDTH);
  textureStore(slab_s, at, slot, step[i]);
  textureStore(slab_y, at, slot, y);
}
