// Ends an evaluation of the loss: sums the LOSS_PARTIALS partial sums of each term and their total, writes them to the ring record of this step
// and updates the state. One workgroup.
// ring: [RING_SLOTS][RECORD_SIZE] f32; slot = evaluations before this one mod RING_SLOTS; a record holds the terms in order from 0, the
// total at RECORD_TOTAL and whether the step was thrown away (1 or 0) at RECORD_RESTORED.
struct Params {
  terms: u32,
}

@group(0) @binding(0) var<storage, read> partials: array<f32>;
@group(0) @binding(1) var<storage, read_write> ring: array<f32>;
@group(0) @binding(2) var<storage, read_write> state: State;
@group(0) @binding(3) var<uniform> params: Params;

// A loss this many times the best one has exploded.
const EXPLODED = 1000.0;

// Infinity and NaN have all exponent bits set. Compilers may assume that comparisons never meet them, but not that bits don't.
fn is_finite(value: f32) -> bool {
  return (bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u;
}

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) local: u32) {
  let record = RECORD_SIZE * (state.step % RING_SLOTS);
  var total = 0.0;
  for (var term = 0u; term < params.terms; term++) {
    let partial = partials[term * LOSS_PARTIALS + min(local, LOSS_PARTIALS - 1u)];
    let value = workgroup_sum(local, select(0.0, partial, local < LOSS_PARTIALS));
    if (local == 0u) {
      ring[record + term] = value;
    }
    total += value;
  }
  if (local != 0u) {
    return;
  }
  let finite = is_finite(total);
  let known = state.best > 0.0;
  let restored = !finite || (known && total > EXPLODED * state.best);
  if (finite && !(known && state.best <= total)) {
    state.best = total;
  }
  state.step += 1u;
  state.restored = u32(restored);
  state.loss = total;
  ring[record + RECORD_TOTAL] = total;
  ring[record + RECORD_RESTORED] = f32(restored);
}
