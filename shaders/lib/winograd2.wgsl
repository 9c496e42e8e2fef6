// One-dimensional transforms of Winograd's F(2, 3), points 0, 1, -1 and infinity: two outputs from four inputs.
// Source: Lavin and Gray (2015), "Fast Algorithms for Convolutional Neural Networks".
const OUTPUTS = 2u;
const INPUTS = 4u;

// B^T d
fn transform_input(d: array<vec4f, INPUTS>) -> array<vec4f, INPUTS> {
  return array(d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]);
}

// G w
fn transform_weights(w: array<vec4f, 3>) -> array<vec4f, INPUTS> {
  let even = 0.5 * (w[0] + w[2]);
  let odd = 0.5 * w[1];
  return array(w[0], even + odd, even - odd, w[2]);
}

// A^T m
fn transform_output(m: array<vec4f, INPUTS>) -> array<vec4f, OUTPUTS> {
  return array(m[0] + m[1] + m[2], m[1] - m[2] - m[3]);
}
