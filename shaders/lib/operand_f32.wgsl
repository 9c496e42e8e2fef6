// What matrix units multiply: single precision.
alias Operand = f32;

const WEIGHT_SCALE = 1.0;

fn rounded(value: vec4f) -> vec4<Operand> {
  return value;
}
