// Reads a feature map from a 2D array texture: layer = c4, with a border of one zero texel around every layer.
// Of the kernel: x_texture.
fn map_at(c4: u32, row: u32, column: u32) -> vec4f {
  return textureLoad(x_texture, vec2u(column + 1u, row + 1u), c4);
}
