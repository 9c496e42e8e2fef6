// The ReLU mask of the gpu family: [channels/32][height * width] words, a bit a channel, so that whatever computes 32
// channels of a pixel writes whole words, in any order of pixels. `params.mask_tiles`: height * width.
// Of the kernel: mask, params.mask_tiles, params.y_pitch.
alias MaskWord = u32;

fn mask_at(c4: u32, row: u32, column: u32) -> vec4<bool> {
  let bits = mask[(c4 >> 3u) * params.mask_tiles + row * params.y_pitch + column] >> (4u * (c4 & 7u));
  return (vec4u(bits) & vec4u(1u, 2u, 4u, 8u)) != vec4u(0u);
}
