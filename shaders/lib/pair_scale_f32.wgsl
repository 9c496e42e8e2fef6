// What pairs of L-BFGS in f32 are multiplied by where they are stored: nothing.
const S_SCALE = 1.0;

fn y_scale(largest_gradient: f32) -> f32 {
  return 1.0;
}
