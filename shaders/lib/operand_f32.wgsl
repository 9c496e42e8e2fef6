// What matrix units multiply: single precision.
alias Operand = f32;
