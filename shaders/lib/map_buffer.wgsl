// Reads a feature map [channels/4][rows][pitch] from a buffer of flat texels.
@group(0) @binding(0) var<storage, read> x: array<vec4f>;

fn map_at(c4: u32, row: u32, column: u32) -> vec4f {
  return x[(c4 * params.rows + row) * params.pitch + column];
}
