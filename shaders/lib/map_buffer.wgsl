// Reads a feature map [channels/4][rows][pitch] from a buffer of flat texels.
@group(0) @binding(0) var<storage, read> x: array<Texel>;

// As it is stored.
fn stored_at(c4: u32, row: u32, column: u32) -> Texel {
  return x[(c4 * params.rows + row) * params.pitch + column];
}

fn map_at(c4: u32, row: u32, column: u32) -> vec4f {
  return vec4f(stored_at(c4, row, column));
}
