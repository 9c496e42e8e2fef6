// Reads the weights of a convolution, [taps or positions][in_channels][out_channels] f32, four output channels at a time.
@group(0) @binding(3) var<storage, read> weights: array<vec4f>;

fn weight_at(i: u32) -> vec4f {
  return weights[i];
}
