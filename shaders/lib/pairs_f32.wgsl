// Pairs of L-BFGS in f32, as they are read: a texel is four values of a vector.
const PARTS = 1u; // vec4f in a texel

@group(0) @binding(0) var slab_s: texture_storage_2d_array<rgba32float, read>;
@group(0) @binding(1) var slab_y: texture_storage_2d_array<rgba32float, read>;

fn s_at(texel: vec2u, slot: u32) -> array<vec4f, PARTS> {
  return array(textureLoad(slab_s, texel, slot));
}

fn y_at(texel: vec2u, slot: u32) -> array<vec4f, PARTS> {
  return array(textureLoad(slab_y, texel, slot));
}
