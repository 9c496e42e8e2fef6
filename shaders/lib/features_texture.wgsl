// Reads kept features from a flat texture: texel i is at (i mod 2048, i / 2048).
@group(0) @binding(0) var x: texture_storage_2d<rgba32float, read>;

fn feature_at(i: u32) -> vec4f {
  return textureLoad(x, vec2u(i & 2047u, i >> 11u));
}
