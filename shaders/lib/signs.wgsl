// The four bits that a texel adds to a word of lib/mask_runs.wgsl: which channels are positive.
fn signs(value: vec4f) -> u32 {
  return dot(select(vec4u(), vec4u(1u, 2u, 4u, 8u), value > vec4f()), vec4u(1u));
}
