// Pairs of L-BFGS in f32, as they are written; see pairs_f32.wgsl.
const PARTS = 1u;

@group(0) @binding(0) var slab_s: texture_storage_2d_array<rgba32float, write>;
@group(0) @binding(1) var slab_y: texture_storage_2d_array<rgba32float, write>;

// Stores a pair and returns y as it stands there.
fn store(texel: vec2u, slot: u32, s: array<vec4f, PARTS>, y: array<vec4f, PARTS>, scale: f32) -> array<vec4f, PARTS> {
  textureStore(slab_s, texel, slot, s[0]);
  textureStore(slab_y, texel, slot, y[0]);
  return y;
}
