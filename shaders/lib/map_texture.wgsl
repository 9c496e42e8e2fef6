// Reads a feature map from a 2D array texture: layer = c4, with a border of one zero texel around every layer.
@group(0) @binding(0) var x: texture_storage_2d_array<rgba32float, read>;

fn map_at(c4: u32, row: u32, column: u32) -> vec4f {
  return textureLoad(x, vec2u(column + 1u, row + 1u), c4);
}
