// A convolution's outputs are stored as maps are (lib/texel_*.wgsl).
alias Output = Texel;

fn to_output(value: vec4f) -> Output {
  return to_texel(value);
}
