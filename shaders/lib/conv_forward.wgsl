// End of a forward convolution: bias, ReLU, and the ReLU's signs in the layout of lib/mask_words.wgsl.
@group(0) @binding(1) var<storage, read_write> mask: array<u32>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;

const KEEPS_SIGNS = true;

fn finish(c4: u32, p: u32, sum: vec4f) -> vec4f {
  return max(sum + bias[c4], vec4f());
}

fn keep_signs(c32: u32, p: u32, word: u32) {
  mask[c32 * params.mask_tiles + p] = word;
}
