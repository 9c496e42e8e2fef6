// The gradient of the losses put on the activation that backward passes: flat texels of its shape. Of the kernel: d.
fn loss_gradient_at(i: u32) -> vec4f {
  return vec4f(d[i]);
}
