// The decisions of one L-BFGS step, on dot products only; a single workgroup, one lane a slot of the ring.
//
// The direction d = -H g is a combination of g and the history, so the two-loop recursion (Nocedal and Wright,
// algorithm 7.4) can run on coefficients ("vector-free L-BFGS", Chen, Wang and Zhou 2014). With R_ij = s_i . y_j for i
// no newer than j, and newest pairs first:
//   alpha_i = (-s_i.g - sum_{j newer} alpha_j R_ij) / R_ii
//   p_i     = -gamma (y_i.g + sum_j alpha_j y_i.y_j)
//   delta_i = alpha_i - (p_i + sum_{j older} delta_j R_ji) / R_ii
//   d       = -gamma g + sum_i (delta_i s_i - gamma alpha_i y_i)
// Only the triangle R and the matrix y.y are ever needed, so a new pair adds one row to each. Otherwise as
// torch.optim.LBFGS without line search and with tolerances 0: a pair is kept only if y.s > 1e-10, gamma = y.s / y.y,
// step length min(1, 1 / |g|_1) lr first, then lr. Departures: a carried gamma makes the first step; after a restored
// picture the history is cleared; a direction that does not descend (rounding, near the optimum) clears it too, where
// torch would stand still.
//
// Reference: referenceLbfgs in engine/optimizers/reference.ts.
// Recorder: engine/optimizers/lbfgs.ts. Test: engine/optimizers/lbfgs.test.ts.
struct Params {
  chunks: u32,        // in `partials`
  slots: u32,         // of each chunk that hold dot products
  pitch: u32,         // vec4f from chunk to chunk: all slots, then the norms
  ring: u32,          // history + 1: a rejected pair costs no place
  learningRate: f32,
  largestChange: f32, // of any value in a first step with a carried gamma
}

@group(0) @binding(0) var<storage, read> state: State;
@group(0) @binding(1) var<storage, read> partials: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> memory: Memory;
// [2][ring][ring]: s_column . y_row, y_column . y_row for columns no newer than the row
@group(0) @binding(3) var<storage, read_write> products: array<f32>;
// [pitch]: what lbfgs_combine.wgsl multiplies (s, y) of each slot by; last, (the factor of g, 1 if the picture is
// restored).
@group(0) @binding(4) var<storage, read_write> coefficients: array<vec2f>;
@group(0) @binding(5) var<uniform> params: Params;

const SMALLEST_CURVATURE = 1e-10;

// What lane 0 decides for all.
struct Plan {
  pairs: u32,
  newest: u32,    // slot of the newest pair
  accepted: u32,
}

var<workgroup> plan: Plan;
var<workgroup> candidate: vec4f;
var<workgroup> pivot: f32;
var<workgroup> alphas: array<f32, LANES>;
var<workgroup> shares: array<vec4f, LANES>;
var<workgroup> total: vec4f; // (|g|_1, g . g, (d + gamma g) . g, max |g|)

// (s . y, y . y, s . g, y . g) of a slot's pair.
fn dot_products(slot: u32) -> vec4f {
  if (slot >= params.slots || memory.yScale == 0.0) {
    return vec4f();
  }
  var sum = vec4f();
  for (var i = slot; i < params.chunks * params.pitch; i += params.pitch) {
    sum += partials[i];
  }
  return sum / vec2f(S_SCALE, memory.yScale).xyxy;
}

// Sums of x, y, z and the largest w.
fn join(a: vec4f, b: vec4f) -> vec4f {
  return vec4f(a.xyz + b.xyz, max(a.w, b.w));
}

// This lane's part of (|g|_1, g . g, 0, max |g|).
fn norms(lane: u32) -> vec4f {
  var norm = vec4f();
  for (var chunk = lane; chunk < params.chunks; chunk += LANES) {
    norm = join(norm, partials[(chunk + 1u) * params.pitch - 1u]);
  }
  return norm;
}

// Takes the candidate into the ring or leaves it; run by one lane.
fn judge() {
  let accepted = state.restored == 0u && candidate.x > SMALLEST_CURVATURE;
  if (accepted) {
    memory.pairs = min(memory.pairs + 1u, params.ring - 1u);
    memory.head = (memory.head + 1u) % params.ring;
    memory.gamma = candidate.x / candidate.y;
    memory.caution = 0.0;
  } else if (state.restored != 0u) {
    memory.pairs = 0u;
    memory.caution = 0.1 * select(1.0, max(memory.caution, 1e-20), memory.caution > 0.0);
  } else {
    memory.caution *= 2.0;
  }
  plan = Plan(memory.pairs, (memory.head + params.ring - 1u) % params.ring, u32(accepted));
}

// Step length, and what stands for the inverse Hessian of a step without pairs; `norm` as `total`.
fn step_length(has_pairs: bool, descends: bool, norm: vec4f) -> vec2f {
  let known = memory.gamma > 0.0;
  let gamma = select(1.0, memory.gamma, known);
  if (descends && (has_pairs || (state.step > 1u && memory.caution == 0.0))) {
    return vec2f(params.learningRate, gamma);
  }
  if (state.step == 1u && known) {
    return vec2f(min(params.learningRate, params.largestChange / max(gamma * norm.w, 1e-30)), gamma);
  }
  let factor = select(1.0, memory.caution, memory.caution > 0.0);
  return vec2f(factor * params.learningRate / max(norm.x, 1.0), 1.0);
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
  let dots = dot_products(lane);
  if (lane == memory.head) {
    candidate = dots;
  }
  workgroupBarrier(); // candidate
  storageBarrier(); // all have read `memory`, which judge() changes
  if (lane == 0u) {
    judge();
  }
  let ring = params.ring;
  let now = workgroupUniformLoad(&plan);
  if (now.accepted != 0u && lane < ring) {
    products[now.newest * ring + lane] = dots.x;
    products[(ring + now.newest) * ring + lane] = dots.y;
  }
  storageBarrier();

  // 0 for the newest pair; `now.pairs` or more for slots not in use.
  let age = select(now.pairs, (now.newest + ring - lane) % ring, lane < ring);
  let is_used = age < now.pairs;
  var scale = 1.0;
  if (is_used) {
    scale = products[lane * ring + lane];
  }
  let gamma = memory.gamma;
  var alpha = 0.0;
  var rest = -dots.z;
  for (var a = 0u; a < now.pairs; a++) {
    let j = (now.newest + ring - a) % ring;
    if (lane == j) {
      alpha = rest / scale;
      pivot = alpha;
    }
    let newer = workgroupUniformLoad(&pivot);
    if (is_used && age > a) {
      rest -= newer * products[j * ring + lane];
    }
  }
  alphas[lane] = alpha;
  workgroupBarrier();

  rest = dots.w;
  if (is_used) {
    for (var a = 0u; a < now.pairs; a++) {
      let j = (now.newest + ring - a) % ring;
      rest += alphas[j] * products[ring * ring + select(lane * ring + j, j * ring + lane, a < age)];
    }
  }
  rest *= -gamma;
  var delta = 0.0;
  for (var a = now.pairs; a > 0u; a--) {
    let j = (now.newest + ring + 1u - a) % ring;
    if (lane == j) {
      delta = alpha - rest / scale;
      pivot = delta;
    }
    let older = workgroupUniformLoad(&pivot);
    if (age + 1u < a) {
      rest += older * products[lane * ring + j];
    }
  }

  shares[lane] = norms(lane) + vec4f(0.0, 0.0, delta * dots.z - gamma * alpha * dots.w, 0.0);
  workgroupBarrier();
  if (lane == 0u) {
    var sum = shares[0];
    for (var i = 1u; i < LANES; i++) {
      sum = join(sum, shares[i]);
    }
    total = sum;
  }
  let norm = workgroupUniformLoad(&total);
  let has_pairs = now.pairs > 0u;
  let descends = !has_pairs || norm.z - gamma * norm.y < 0.0;
  let length = step_length(has_pairs, descends, norm);
  if (lane + 1u < params.pitch) {
    let factors = length.x * vec2f(delta, -gamma * alpha) / vec2f(S_SCALE, memory.yScale);
    coefficients[lane] = select(vec2f(), factors, is_used && descends);
  }
  storageBarrier();
  if (lane == 0u) {
    coefficients[params.pitch - 1u] = vec2f(-length.x * length.y, f32(state.restored));
    if (memory.yScale == 0.0) {
      memory.yScale = y_scale(norm.w);
    }
    if (!descends) {
      memory.pairs = 0u;
    }
  }
}
