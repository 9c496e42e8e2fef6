// What matrix units multiply: half precision. Sums are f32.
alias Operand = f16;
