// n / d for n below two million, given inverse = 1 / d. Integer division is scalar on every CPU, this is not. Adding a
// half keeps the product further from the integers than rounding can move it.
fn fast_divide(n: u32, inverse: f32) -> u32 {
  return u32((f32(n) + 0.5) * inverse);
}
