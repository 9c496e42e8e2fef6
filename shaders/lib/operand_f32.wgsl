// What is multiplied: single precision.
alias Operand = f32;
const IS_HALF = false;

const WEIGHT_SCALE = 1.0;

fn rounded(value: vec4f) -> vec4<Operand> {
  return value;
}
