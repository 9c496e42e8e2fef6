// What L-BFGS remembers from step to step besides its vectors. Pairs (s, y) live in a ring of slots.
struct Memory {
  head: u32,     // the slot that the next pair goes to; the newest pair is in the slot before it
  pairs: u32,    // in use
  gamma: f32,    // s.y / y.y of the newest pair: the scale of the inverse Hessian; 0 before there was one
  caution: f32,  // after a restored picture, until a pair is accepted: factor of the first step; otherwise 0
  yScale: f32,   // what every stored y is multiplied by; 0 before the first gradient
}
