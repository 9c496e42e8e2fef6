// One-dimensional transforms of Winograd's F(4, 3), points 0, +-sqrt(1/2), +-sqrt(2) and infinity: four outputs from
// six inputs.
//
// With m(x) = x (x^2 - 1/2) (x^2 - 2): B^T has the coefficients of m(x) / (x - p) for each point p, and of m for
// infinity; G has (1, p, p^2) / m'(p), A^T the powers of p. No constant is above 2.83, where the usual points 0, +-1,
// +-2 need 8. Source: Lavin and Gray (2015), "Fast Algorithms for Convolutional Neural Networks", with other points.
const OUTPUTS = 4u;
const INPUTS = 6u;
const NEAR = 0.70710678118654752;  // sqrt(1/2)
const FAR = 1.41421356237309505;   // sqrt(2)

// B^T d
fn transform_input(d: array<vec4f, INPUTS>) -> array<vec4f, INPUTS> {
  let near_even = d[4] - 2.0 * d[2];
  let near_odd = NEAR * (d[3] - 2.0 * d[1]);
  let far_even = d[4] - 0.5 * d[2];
  let far_odd = FAR * (d[3] - 0.5 * d[1]);
  return array(
    d[0] - 2.5 * d[2] + d[4],
    near_even + near_odd,
    near_even - near_odd,
    far_even + far_odd,
    far_even - far_odd,
    d[1] - 2.5 * d[3] + d[5],
  );
}

// G w
fn transform_weights(w: array<vec4f, 3>) -> array<vec4f, INPUTS> {
  let near_even = (w[0] + 0.5 * w[2]) / -1.5;
  let near_odd = NEAR * w[1] / -1.5;
  let far_even = (w[0] + 2.0 * w[2]) / 6.0;
  let far_odd = FAR * w[1] / 6.0;
  return array(w[0], near_even + near_odd, near_even - near_odd, far_even + far_odd, far_even - far_odd, w[2]);
}

// A^T m
fn transform_output(m: array<vec4f, INPUTS>) -> array<vec4f, OUTPUTS> {
  let near_even = m[1] + m[2];
  let near_odd = NEAR * (m[1] - m[2]);
  let far_even = m[3] + m[4];
  let far_odd = FAR * (m[3] - m[4]);
  return array(
    m[0] + near_even + far_even,
    near_odd + far_odd,
    0.5 * near_even + 2.0 * far_even,
    0.5 * near_odd + 2.0 * far_odd + m[5],
  );
}
