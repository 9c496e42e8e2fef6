// Reads the weights of a convolution, [taps or positions][in_channels][out_channels], four output channels at a time,
// in the format of lib/weights_f32.wgsl or lib/weights_texel.wgsl.
@group(0) @binding(3) var<storage, read> weights: array<Weights>;

fn weights_at(i: u32) -> Weights {
  return weights[i];
}
