// End of a backward convolution: adds the gradient of the losses on the activation that was this convolution's input
// (lib/loss_gradient.wgsl or lib/no_loss_gradient.wgsl) and goes back through its ReLU (lib/mask_words.wgsl).
const KEEPS_SIGNS = false;

fn finish(c4: u32, p: u32, sum: vec4f) -> vec4f {
  return select(vec4f(), sum + loss_gradient_at(c4 * params.height * params.width + p), mask_at(c4, 0u, p));
}

fn keep_signs(c32: u32, p: u32, word: u32) {}
