// A convolution's outputs are f32 whatever maps are: parts of sums.
alias Output = vec4f;

fn to_output(value: vec4f) -> Output {
  return value;
}
