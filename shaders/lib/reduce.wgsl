// Sums of one value of each of a workgroup's 256 invocations, always added in the same order. Call these in uniform
// control flow. Two levels of 16: software adapters pay for every barrier as much as for dozens of additions.
var<workgroup> sums: array<f32, 256>;
var<workgroup> sums_of_sixteen: array<f32, 16>;

fn workgroup_sum(local: u32, value: f32) -> f32 {
  sums[local] = value;
  workgroupBarrier();
  if (local < 16u) {
    var sum = 0.0;
    for (var i = 0u; i < 16u; i++) {
      sum += sums[local + 16u * i];
    }
    sums_of_sixteen[local] = sum;
  }
  workgroupBarrier();
  var total = 0.0;
  for (var i = 0u; i < 16u; i++) {
    total += sums_of_sixteen[i];
  }
  return total;
}

// Writes `scale` times that, a workgroup's share of a loss, to its place in row `params.term` of partials:
// [terms][LOSS_PARTIALS] f32, as many as there are workgroups. Of the kernel: partials, params.term.
fn write_partial(group: vec3u, groups: vec3u, local: u32, value: f32, scale: f32) {
  let total = workgroup_sum(local, value);
  if (local == 0u) {
    partials[params.term * groups.x + group.x] = scale * total;
  }
}
