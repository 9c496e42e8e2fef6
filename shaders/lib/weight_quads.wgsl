// Where weight (row m, depth k) of a channels x channels matrix stands for the cpu family's matrix product: [m/4][k]
// texels of four rows. An index of f32. Of the kernel: params.channels.
fn weight_index(m: u32, k: u32) -> u32 {
  return ((m >> 2u) * params.channels + k) * 4u + (m & 3u);
}
