// Nothing but products on matrix units: how many operations an adapter does with a configuration. Each subgroup keeps
// four sums, whose operands stay where they are. M, N, K, SUBGROUP and Operand (f16 or f32) are declared in front.
//   y: [workgroups][4 * SUBGROUP] f32, so that nothing is left out.
//
// Recorder: bench/gpu-report/peaks.ts. Test: bench/gpu-report/peaks.test.ts.
struct Params {
  rounds: u32,
}

const INVOCATIONS = 4u * SUBGROUP;
const SUMS = 4u;

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<uniform> params: Params;

var<workgroup> left_tile: array<Operand, M * K>;           // [K][M]
var<workgroup> right_tile: array<Operand, SUMS * N * K>;   // [SUMS][N][K]
var<workgroup> sum_tile: array<f32, 4u * M * N>;           // [subgroup][N][M]

@compute @workgroup_size(INVOCATIONS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  for (var i = local; i < M * K; i += INVOCATIONS) {
    left_tile[i] = Operand(i % 5u) / Operand(64);
  }
  for (var i = local; i < SUMS * N * K; i += INVOCATIONS) {
    right_tile[i] = Operand(i % 7u) / Operand(64);
  }
  workgroupBarrier();
  let left = subgroupMatrixLoad<subgroup_matrix_left<Operand, K, M>, col_major>(&left_tile, 0u, M);
  var right: array<subgroup_matrix_right<Operand, N, K>, SUMS>;
  for (var i = 0u; i < SUMS; i++) {
    right[i] = subgroupMatrixLoad<subgroup_matrix_right<Operand, N, K>, col_major>(&right_tile, i * N * K, K);
  }
  var sums: array<subgroup_matrix_result<f32, N, M>, SUMS>;
  for (var round = 0u; round < params.rounds; round++) {
    for (var i = 0u; i < SUMS; i++) {
      sums[i] = subgroupMatrixMultiplyAccumulate(left, right[i], sums[i]);
    }
  }
  let first = local / SUBGROUP * M * N;
  var total = 0.0;
  for (var i = 0u; i < SUMS; i++) {
    workgroupBarrier();
    subgroupMatrixStore<col_major>(&sum_tile, first, sums[i], M);
    workgroupBarrier();
    total += sum_tile[local];
  }
  y[group.x * INVOCATIONS + local] = total;
}
