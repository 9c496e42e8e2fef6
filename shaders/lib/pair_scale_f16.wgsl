// Powers of two that pairs of L-BFGS in f16 are multiplied by where they are stored. Halves are exact to 2^-11 of a
// value from 2^-14 to 2^16.

// For steps of the picture, whose values lie in [0,1]: from 2^-25 to 32.
const S_SCALE = 2048.0;

// For differences of gradients, by the largest value of the first gradient, which becomes 2^8 to 2^9: gradients may
// grow by 2^7, and their differences shrink by 2^22.
fn y_scale(largest_gradient: f32) -> f32 {
  return ldexp(1.0, i32(clamp(9.0 - ceil(log2(largest_gradient)), -100.0, 100.0)));
}
