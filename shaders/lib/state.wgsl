// The optimisation's state on the device, shared by loss_record.wgsl (which writes it once a step) and the optimisers.
struct State {
  step: u32,      // evaluations so far at this scale, this one included
  restored: u32,  // 1: this evaluation's loss was not finite or had exploded; the optimiser must go back to `previous`
  loss: f32,      // of this evaluation
  best: f32,      // the least finite loss at this scale
}
