// Reads kept features from a flat texture: texel i is at (i mod 2048, i / 2048). Of the kernel: x_texture.
fn feature_at(i: u32) -> vec4f {
  return textureLoad(x_texture, vec2u(i & 2047u, i >> 11u));
}
