// For activations without a loss of their own.
fn loss_gradient_at(i: u32) -> vec4f {
  return vec4f();
}
