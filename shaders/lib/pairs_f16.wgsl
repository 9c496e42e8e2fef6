// Pairs of L-BFGS in f16, as they are read: a texel is eight values of a vector, times the powers of two of
// pair_scale_f16.wgsl.
const PARTS = 2u; // vec4f in a texel

@group(0) @binding(0) var slab_s: texture_storage_2d_array<rgba32uint, read>;
@group(0) @binding(1) var slab_y: texture_storage_2d_array<rgba32uint, read>;

fn unpacked(texel: vec4u) -> array<vec4f, PARTS> {
  return array(
    vec4f(unpack2x16float(texel.x), unpack2x16float(texel.y)),
    vec4f(unpack2x16float(texel.z), unpack2x16float(texel.w)),
  );
}

fn s_at(texel: vec2u, slot: u32) -> array<vec4f, PARTS> {
  return unpacked(textureLoad(slab_s, texel, slot));
}

fn y_at(texel: vec2u, slot: u32) -> array<vec4f, PARTS> {
  return unpacked(textureLoad(slab_y, texel, slot));
}
