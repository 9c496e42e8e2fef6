// End of a forward convolution: bias, ReLU, and the ReLU's signs in the layout of lib/mask_words.wgsl.
// Of the kernel: bias, new_mask, params.mask_tiles.
const KEEPS_SIGNS = true;

fn finish(c4: u32, p: u32, sum: vec4f) -> vec4f {
  return max(sum + bias[c4], vec4f());
}

fn keep_signs(c32: u32, p: u32, word: u32) {
  new_mask[c32 * params.mask_tiles + p] = word;
}
