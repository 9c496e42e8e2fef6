// What is multiplied: half precision. Matrix units sum in f32.
alias Operand = f16;
const IS_HALF = true;

// The matrix of a style's gradient (SIDE 1) is f32. Its elements are about 2^-7 at first (losses/gradient-scale.ts) and
// shrink as the loss does: this keeps them from f16's end, and is taken out of the sums again.
const WEIGHT_SCALE = select(1.0, 256.0, SIDE == 1u);

fn rounded(value: vec4f) -> vec4<Operand> {
  return vec4<Operand>(clamp(WEIGHT_SCALE * value, vec4f(-65504), vec4f(65504)));
}
