// Ends an evaluation of the loss: sums the LOSS_PARTIALS partial sums of each term and their total, writes them to the
// ring record of this step and updates the state. One workgroup, one invocation a term. ring: [RING_SLOTS][RECORD_SIZE]
// f32; slot = evaluations before this one mod RING_SLOTS; a record holds the terms in order from 0, the total at
// RECORD_TOTAL and whether the step was thrown away (1 or 0) at RECORD_RESTORED.
//
// Reference: none, for it only sums.
// Recorder: engine/losses/record.ts. Test: engine/losses/record.test.ts.
struct Params {
  terms: u32,
}

@group(0) @binding(0) var<storage, read> partials: array<f32>;
@group(0) @binding(1) var<storage, read_write> ring: array<f32>;
@group(0) @binding(2) var<storage, read_write> state: State;
@group(0) @binding(3) var<uniform> params: Params;

// A loss this many times the best one has exploded.
const EXPLODED = 1000.0;

// Infinity and NaN have all exponent bits set. Compilers may assume that comparisons never meet them, but not that bits
// don't.
fn is_finite(value: f32) -> bool {
  return (bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u;
}

var<workgroup> values: array<f32, RECORD_TOTAL>;

@compute @workgroup_size(RECORD_SIZE)
fn main(@builtin(local_invocation_index) local: u32) {
  let record = RECORD_SIZE * (state.step % RING_SLOTS);
  if (local < params.terms) {
    var value = 0.0;
    for (var i = 0u; i < LOSS_PARTIALS; i++) {
      value += partials[local * LOSS_PARTIALS + i];
    }
    values[local] = value;
    ring[record + local] = value;
  }
  workgroupBarrier(); // values
  storageBarrier(); // all have read state.step
  if (local != 0u) {
    return;
  }
  var total = 0.0;
  for (var term = 0u; term < params.terms; term++) {
    total += values[term];
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
