// What a texel adds to its word of lib/mask_words.wgsl: which of its channels are positive.
fn signs(c4: u32, value: vec4f) -> u32 {
  return dot(select(vec4u(), vec4u(1u, 2u, 4u, 8u), value > vec4f()), vec4u(1u)) << (4u * (c4 & 7u));
}
