// Backward of conv_input.wgsl to the picture: gradient[order_c] = (W^T * dz)_c / std_c.
//   dz: [channels/4][height][width] Texel, before the ReLU (lib/map_buffer.wgsl); weights: [9][channels/4][3] vec4f,
//   flipped, a vec4f holding four channels of dz; gradient: [3][height][width] f32, with respect to sRGB in [0,1]
// Bound by memory. One invocation: four pixels below each other, in workgroups of 32 x 16 pixels, so that neighbours
// share their reads; weights are read once a workgroup, those of CHANNELS channels (32 or 64) at a time.
//
// Reference: dConv, dPreprocess in engine/ops/reference.ts.
// Recorder: engine/ops/gpu/convolution.ts. Test: engine/ops/conv2d.test.ts.
struct Params {
  height: u32,
  width: u32,
  pitch: u32,  // width
  rows: u32,   // height
  channels: u32,  // a multiple of CHANNELS
  order0: u32,
  order1: u32,
  order2: u32,
  std0: f32,
  std1: f32,
  std2: f32,
}

@group(0) @binding(0) var<storage, read> x: array<Texel>;  // dz
@group(0) @binding(1) var<storage, read> weights: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

const COLUMNS = CHANNELS / 4u;

var<workgroup> weight_tile: array<vec4f, 27u * COLUMNS>;  // [9][COLUMNS][3]

fn texel_at(c4: u32, row: u32, column: u32) -> vec4f {
  if (row < params.height && column < params.width) {
    return map_at(c4, row, column);
  }
  return vec4f();
}

// sums += the products of the channels whose weights are in the tile.
fn add_columns(first_c4: u32, first_row: u32, column: u32, sums: ptr<function, array<vec3f, 4>>) {
  for (var i4 = 0u; i4 < COLUMNS; i4++) {
    /* unroll */ for (var dx = 0u; dx < 3u; dx++) {
      var texels: array<vec4f, 6>;
      /* unroll */ for (var r = 0u; r < 6u; r++) {
        // Unsigned: what is above or left of the map is also below or right of it.
        texels[r] = texel_at(first_c4 + i4, first_row + r - 1u, column + dx - 1u);
      }
      /* unroll */ for (var dy = 0u; dy < 3u; dy++) {
        let w = ((3u * dy + dx) * COLUMNS + i4) * 3u;
        /* unroll */ for (var r = 0u; r < 4u; r++) {
          let value = texels[r + dy];
          (*sums)[r] += vec3f(
            dot(weight_tile[w], value),
            dot(weight_tile[w + 1u], value),
            dot(weight_tile[w + 2u], value),
          );
        }
      }
    }
  }
}

@compute @workgroup_size(32, 4)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) local: u32) {
  let first_row = 4u * id.y;
  var sums: array<vec3f, 4>;
  for (var first_c4 = 0u; first_c4 < params.channels / 4u; first_c4 += COLUMNS) {
    workgroupBarrier();
    for (var i = local; i < 27u * COLUMNS; i += 128u) {
      let tap = i / (3u * COLUMNS);
      weight_tile[i] = weights[3u * (tap * (params.channels / 4u) + first_c4) + i % (3u * COLUMNS)];
    }
    workgroupBarrier();
    add_columns(first_c4, first_row, id.x, &sums);
  }
  let plane = params.height * params.width;
  /* unroll */ for (var r = 0u; r < 4u; r++) {
    if (first_row + r < params.height && id.x < params.width) {
      let i = (first_row + r) * params.width + id.x;
      gradient[params.order0 * plane + i] = sums[r].x / params.std0;
      gradient[params.order1 * plane + i] = sums[r].y / params.std1;
      gradient[params.order2 * plane + i] = sums[r].z / params.std2;
    }
  }
}
