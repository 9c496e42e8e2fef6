// Weights of a 3x3 convolution to Winograd's: u = G w G^T, in f32, with the transforms of lib/winograd2.wgsl or
// lib/winograd4.wgsl.
//   weights: [9][in_channels][out_channels] in fours (lib/weights_*.wgsl)
//   u: [INPUTS * INPUTS][in_channels][out_channels] f32
// Weights of both directions are stored in this order, so one kernel serves both. One invocation: four output channels
// at one input channel, all positions.
//
// Reference: conv, dConv in engine/ops/reference.ts.
// Recorder: engine/ops/gpu/weights.ts. Test: engine/ops/gpu/variants.test.ts.
struct Params {
  vectors: u32,  // in_channels * out_channels / 4
}

@group(0) @binding(0) var<storage, read> weights: array<Weights>;
@group(0) @binding(1) var<storage, read_write> u: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = linear_index(group, groups, local, 64u);
  if (index >= params.vectors) {
    return;
  }
  var columns: array<array<vec4f, INPUTS>, 3>;
  /* unroll */ for (var c = 0u; c < 3u; c++) {
    var column: array<vec4f, 3>;
    /* unroll */ for (var r = 0u; r < 3u; r++) {
      column[r] = vec4f(weights[(3u * r + c) * params.vectors + index]);
    }
    columns[c] = transform_weights(column);
  }
  /* unroll */ for (var r = 0u; r < INPUTS; r++) {
    let row = transform_weights(array(columns[0][r], columns[1][r], columns[2][r]));
    /* unroll */ for (var c = 0u; c < INPUTS; c++) {
      u[(r * INPUTS + c) * params.vectors + index] = row[c];
    }
  }
}
