// Sum of one value of each of a workgroup's 256 invocations, always added in the same order. Call it in uniform control flow.
var<workgroup> sums: array<f32, 256>;

fn workgroup_sum(local: u32, value: f32) -> f32 {
  sums[local] = value;
  workgroupBarrier();
  for (var half = 128u; half > 0u; half >>= 1u) {
    if (local < half) {
      sums[local] += sums[local + half];
    }
    workgroupBarrier();
  }
  let total = sums[0];
  workgroupBarrier();
  return total;
}
