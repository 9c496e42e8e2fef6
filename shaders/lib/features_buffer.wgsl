// Reads kept features from a buffer of flat texels. Of the kernel: x.
fn feature_at(i: u32) -> vec4f {
  return vec4f(x[i]);
}
