// Adam (Kingma and Ba 2015, algorithm 1), in torch.optim.Adam's form:
//   m += (1 - beta1) (g - m),  v += (1 - beta2) (g^2 - v),  x -= lr / c1 * m / (sqrt(v) / sqrt(c2) + eps),  c_k = 1 -
//   beta_k^t.
// One invocation updates one vec4f of the picture. The corrections follow c += (1 - beta) (1 - c), which loses no
// digits to cancellation. Where the guard restores, the picture goes back, the moments are cleared and the rate is
// halved: the same first step that exploded would only explode again.
//
// Reference: referenceAdam in engine/optimizers/reference.ts.
// Recorder: engine/optimizers/adam.ts. Test: engine/optimizers/adam.test.ts.
struct Record {
  correction1: f32,  // 1 - beta1^t
  correction2: f32,  // 1 - beta2^t
  rate: f32,         // factor of the learning rate: 0.5^restores
  updates: u32,      // t: updates since the moments were zero
}

struct Params {
  vectors: u32,       // vec4f in the picture
  learningRate: f32,
  complement1: f32,   // 1 - beta1
  complement2: f32,   // 1 - beta2
  epsilon: f32,
}

@group(0) @binding(0) var<storage, read> state: State;
@group(0) @binding(1) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> image: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> previous: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> first: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> second: array<vec4f>;
// Two records: a step reads the one that the step before wrote, so workgroups of one step don't race.
@group(0) @binding(6) var<storage, read_write> records: array<Record>;
@group(0) @binding(7) var<uniform> params: Params;

fn next_record() -> Record {
  let last = records[(state.step + 1u) & 1u];
  if (state.restored != 0u) {
    return Record(0.0, 0.0, 0.5 * last.rate, 0u);
  }
  return Record(
    last.correction1 + params.complement1 * (1.0 - last.correction1),
    last.correction2 + params.complement2 * (1.0 - last.correction2),
    last.rate,
    last.updates + 1u,
  );
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = linear_index(group, groups, local, 64u);
  let record = next_record();
  if (i == 0u) {
    records[state.step & 1u] = record;
  }
  if (i >= params.vectors) {
    return;
  }
  if (state.restored != 0u) {
    image[i] = previous[i];
    first[i] = vec4f();
    second[i] = vec4f();
    return;
  }
  let g = gradient[i];
  let x = image[i];
  let m = first[i] + params.complement1 * (g - first[i]);
  let v = second[i] + params.complement2 * (g * g - second[i]);
  let denominator = sqrt(v) / sqrt(record.correction2) + params.epsilon;
  first[i] = m;
  second[i] = v;
  previous[i] = x;
  image[i] = x - (record.rate * params.learningRate / record.correction1) * (m / denominator);
}
