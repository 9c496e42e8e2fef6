// Pairs of L-BFGS in f32: a texel of a slab is the bits of four values of a vector.
const PARTS = 1u;  // vec4f in a texel

// What s is multiplied by where it is stored, and y.
const S_SCALE = 1.0;

fn y_scale(largest_gradient: f32) -> f32 {
  return 1.0;
}

// To a texel, and back to `scale` times the values.
fn packed(values: array<vec4f, PARTS>, scale: f32) -> vec4u {
  return bitcast<vec4u>(values[0]);
}

fn unpacked(texel: vec4u) -> array<vec4f, PARTS> {
  return array(bitcast<vec4f>(texel));
}
