// The ReLU mask that the cpu family writes: [channels/4][params.mask_tiles] words of 64 bits, one for each 4x4 tile.
// Bit 16 * row + 4 * column + channel, rows 0 and 1 of the tile in x, 2 and 3 in y. `params.tiles_x`: tiles in a row.
// Of the kernel: mask, params.mask_tiles, params.tiles_x.
alias MaskWord = vec2u;

fn mask_at(c4: u32, row: u32, column: u32) -> vec4<bool> {
  let words = mask[c4 * params.mask_tiles + (row >> 2u) * params.tiles_x + (column >> 2u)];
  let word = select(words.y, words.x, (row & 2u) == 0u);
  let bits = word >> ((row & 1u) * 16u + (column & 3u) * 4u);
  return (vec4u(bits) & vec4u(1u, 2u, 4u, 8u)) != vec4u(0u);
}
