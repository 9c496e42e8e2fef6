// End of a backward convolution: goes back through the ReLU of the activation that was this convolution's input
// (lib/mask_words.wgsl).
const KEEPS_SIGNS = false;

fn finish(c4: u32, p: u32, sum: vec4f) -> vec4f {
  return select(vec4f(), sum, mask_at(c4, 0u, p));
}

fn keep_signs(c32: u32, p: u32, word: u32) {}
