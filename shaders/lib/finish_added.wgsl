// End of a product that gives one more gradient on an activation: goes back through its ReLU (lib/mask_words.wgsl) and
// adds to what is in y. Of the kernel: y, params.height, params.width.
const KEEPS_SIGNS = false;

fn finish(c4: u32, p: u32, sum: vec4f) -> vec4f {
  let before = vec4f(y[c4 * params.height * params.width + p]);
  return before + select(vec4f(), sum, mask_at(c4, 0u, p));
}

fn keep_signs(c32: u32, p: u32, word: u32) {}
