// Where weight (row m, depth k) of a channels x channels matrix stands in the tile order of the cpu family's matrix product:
// tiles of 64 x 64 for 64 channels, of 32 x 128 otherwise, each [rows/16][depth][16]. An index of f32.
fn weight_index(m: u32, k: u32) -> u32 {
  let small = params.channels == 64u;
  let rows = select(32u, 64u, small);
  let depth = select(128u, 64u, small);
  let tile = (m / rows) * (params.channels / depth) + k / depth;
  return tile * rows * depth + (m % rows / 16u) * 16u * depth + (k % depth) * 16u + m % 16u;
}
