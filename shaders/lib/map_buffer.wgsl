// Reads a feature map [channels/4][rows][pitch] from a buffer of flat texels. Of the kernel: x, params.rows,
// params.pitch.

// As it is stored.
fn stored_at(c4: u32, row: u32, column: u32) -> Texel {
  return x[(c4 * params.rows + row) * params.pitch + column];
}

fn map_at(c4: u32, row: u32, column: u32) -> vec4f {
  return vec4f(stored_at(c4, row, column));
}
