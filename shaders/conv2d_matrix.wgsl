// y = finish(W * x), as conv2d_gemm.wgsl with positions 1, on an adapter's matrix units: operands become Operand
// (lib/operand_f16.wgsl or lib/operand_f32.wgsl) on their way into workgroup memory, sums are f32.
//   x: [in_channels/4][height][width] Texel (lib/map_buffer.wgsl); y: [out_channels/4][height][width] Output
//   (lib/output_*.wgsl)
//   weights: [SIDE * SIDE][in_channels][out_channels] in fours (lib/weights_*.wgsl). Channels are multiples of 32.
//
// One workgroup: CHANNELS channels of PIXELS pixels, a quarter of them in each of its four subgroups of SUBGROUP
// invocations. The units multiply M x K by K x N; a subgroup keeps all its M x N sums, which leave through workgroup
// memory, BATCH at a time in two turns, so that a barrier is enough for each. Rows of the tiles are padded by 8, so
// that the rows of a fragment are in different banks. The sum runs over blocks of 32 input channels and, inside, over
// the taps. SPLITS, STAGES and dispatches of large maps are as in conv2d_gemm.wgsl. Source of the types and functions:
// Dawn's experimental extension; the configurations are those that the adapter lists.
//
// Reference: conv, dConv in engine/ops/reference.ts.
// Recorder: engine/ops/gpu/convolution.ts. Test: engine/ops/gpu/variants.test.ts.
struct Params {
  height: u32,
  width: u32,
  pitch: u32,  // width
  rows: u32,   // height
  y_pitch: u32,  // width
  in_channels: u32,
  out_channels: u32,
  first_tile: u32,
  mask_tiles: u32,
}

const TAPS = SIDE * SIDE;
const DEPTH = 32u;  // input channels of a block
const INVOCATIONS = 4u * SUBGROUP;
const COLUMNS = CHANNELS / 4u;
const WEIGHT_LOADS = DEPTH * COLUMNS / INVOCATIONS;
const PIXEL_LOADS = DEPTH / 4u * PIXELS / INVOCATIONS;
const PIXEL_LOAD_STEP = INVOCATIONS / PIXELS;
const WEIGHT_STRIDE = CHANNELS + 8u;
const PIXEL_STRIDE = DEPTH + 8u;
const DOWN = CHANNELS / 2u / M;    // fragments of a subgroup
const ACROSS = PIXELS / 2u / N;
const WEIGHTS = DEPTH * WEIGHT_STRIDE;    // of a stage
const PIXEL_VALUES = PIXELS * PIXEL_STRIDE;
const WORDS = select(1u, CHANNELS / 32u * PIXELS, KEEPS_SIGNS);

@group(0) @binding(0) var<storage, read> x: array<Texel>;
@group(0) @binding(1) var<storage, read> weights: array<Weights>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;          // forward
@group(0) @binding(3) var<storage, read_write> new_mask: array<u32>;  // forward
@group(0) @binding(4) var<storage, read> mask: array<u32>;            // masked, added
@group(0) @binding(5) var<storage, read_write> y: array<Output>;
@group(0) @binding(6) var<uniform> params: Params;

var<workgroup> weight_tile: array<Operand, STAGES * WEIGHTS>;      // [STAGES][DEPTH][CHANNELS, padded]
var<workgroup> pixel_tile: array<Operand, STAGES * PIXEL_VALUES>;  // [STAGES][PIXELS][DEPTH, padded]
var<workgroup> sum_tile: array<f32, 2u * 4u * BATCH * M * N>;      // [turn][subgroup][BATCH * N][M]
var<workgroup> words: array<atomic<u32>, WORDS>;                   // [CHANNELS / 32][PIXELS]: signs

// The texel that tap `tap` of the output at (row, column) reads; zero outside the map, where unsigned coordinates wrap
// around.
fn tap_at(c4: u32, row: u32, column: u32, tap: u32) -> vec4<Operand> {
  let r = row + tap / SIDE - SIDE / 2u;
  let c = column + tap % SIDE - SIDE / 2u;
  if (r < params.height && c < params.width) {
    return vec4<Operand>(stored_at(c4, r, c));
  }
  return vec4<Operand>();
}

// Weights of SIDE 3 are in the range of how they are stored; those of SIDE 1 are f32 of any.
fn operands(w: Weights) -> vec4<Operand> {
  if (SIDE == 1u) {
    return rounded(vec4f(w));
  }
  return vec4<Operand>(w);
}

@compute @workgroup_size(INVOCATIONS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let tile_pixel = (params.first_tile + group.x) * PIXELS;  // the first of this workgroup
  let load_pixel = local % PIXELS;
  let load_c4 = local / PIXELS;
  let load_row = (tile_pixel + load_pixel) / params.width;
  let load_column = (tile_pixel + load_pixel) % params.width;
  let row_stride = params.out_channels / 4u;

  let subgroup = local / SUBGROUP;
  let lane = local % SUBGROUP;
  let first_channel = subgroup / 2u * (CHANNELS / 2u);  // of this subgroup, inside the tile
  let first_pixel = subgroup % 2u * (PIXELS / 2u);
  var sums: array<array<subgroup_matrix_result<f32, N, M>, ACROSS>, DOWN>;

  var tap = 0u;
  var c4 = group.z * (params.in_channels / (4u * SPLITS));  // the block's first, in fours
  var next_weights: array<vec4<Operand>, WEIGHT_LOADS>;
  var next_pixels: array<vec4<Operand>, PIXEL_LOADS>;
  let blocks = TAPS * params.in_channels / (DEPTH * SPLITS);
  for (var block = 0u; block <= blocks; block++) {
    let stage = block % STAGES;
    if (block > 0u) {
      if (STAGES == 1u) {
        workgroupBarrier();
      }
      /* unroll */ for (var i = 0u; i < WEIGHT_LOADS; i++) {
        let index = i * INVOCATIONS + local;
        let at = stage * WEIGHTS + index / COLUMNS * WEIGHT_STRIDE + 4u * (index % COLUMNS);
        /* unroll */ for (var c = 0u; c < 4u; c++) {
          weight_tile[at + c] = next_weights[i][c];
        }
      }
      /* unroll */ for (var i = 0u; i < PIXEL_LOADS; i++) {
        let at = stage * PIXEL_VALUES + load_pixel * PIXEL_STRIDE + 4u * (load_c4 + i * PIXEL_LOAD_STEP);
        /* unroll */ for (var c = 0u; c < 4u; c++) {
          pixel_tile[at + c] = next_pixels[i][c];
        }
      }
      workgroupBarrier();
    }
    if (block < blocks) {
      let base = (tap * params.in_channels + 4u * c4) * row_stride + group.y * COLUMNS;
      /* unroll */ for (var i = 0u; i < WEIGHT_LOADS; i++) {
        let index = i * INVOCATIONS + local;
        next_weights[i] = operands(weights[base + index / COLUMNS * row_stride + index % COLUMNS]);
      }
      /* unroll */ for (var i = 0u; i < PIXEL_LOADS; i++) {
        next_pixels[i] = tap_at(c4 + load_c4 + i * PIXEL_LOAD_STEP, load_row, load_column, tap);
      }
      tap = (tap + 1u) % TAPS;
      c4 += select(0u, DEPTH / 4u, tap == 0u);
    }
    if (block == 0u) {
      continue;
    }
    for (var k = 0u; k < DEPTH; k += K) {
      var left: array<subgroup_matrix_left<Operand, K, M>, DOWN>;
      /* unroll */ for (var i = 0u; i < DOWN; i++) {
        left[i] = subgroupMatrixLoad<subgroup_matrix_left<Operand, K, M>, col_major>(
          &weight_tile, stage * WEIGHTS + k * WEIGHT_STRIDE + first_channel + i * M, WEIGHT_STRIDE);
      }
      /* unroll */ for (var j = 0u; j < ACROSS; j++) {
        let right = subgroupMatrixLoad<subgroup_matrix_right<Operand, N, K>, col_major>(
          &pixel_tile, stage * PIXEL_VALUES + (first_pixel + j * N) * PIXEL_STRIDE + k, PIXEL_STRIDE);
        /* unroll */ for (var i = 0u; i < DOWN; i++) {
          sums[i][j] = subgroupMatrixMultiplyAccumulate(left[i], right, sums[i][j]);
        }
      }
    }
  }

  let size = params.height * params.width;
  /* unroll */ for (var i = 0u; i < DOWN; i++) {
    /* unroll */ for (var j = 0u; j < ACROSS; j += BATCH) {
      let turn = (i * ACROSS + j) / BATCH % 2u;
      let first = (4u * turn + subgroup) * (BATCH * M * N);
      /* unroll */ for (var b = 0u; b < BATCH; b++) {
        subgroupMatrixStore<col_major>(&sum_tile, first + b * M * N, sums[i][j + b], M);
      }
      workgroupBarrier();
      for (var t = lane; t < BATCH * M * N / 4u; t += SUBGROUP) {
        let across = t % (BATCH * N);
        let down = t / (BATCH * N);
        let in_tile = first_pixel + j * N + across;
        let texel = (first_channel + i * M) / 4u + down;
        let p = tile_pixel + in_tile;
        if (p < size) {
          let at = first + across * M + 4u * down;
          let out4 = group.y * COLUMNS + texel;
          let sum = vec4f(sum_tile[at], sum_tile[at + 1u], sum_tile[at + 2u], sum_tile[at + 3u]);
          let value = finish(out4, p, sum / WEIGHT_SCALE);
          y[(out4 * groups.z + group.z) * size + p] = to_output(value);
          if (KEEPS_SIGNS) {
            atomicOr(&words[texel / 8u * PIXELS + in_tile], signs(out4, value));
          }
        }
      }
    }
  }
  if (KEEPS_SIGNS) {
    workgroupBarrier();
    for (var i = local; i < WORDS; i += INVOCATIONS) {
      let p = tile_pixel + i % PIXELS;
      if (p < size) {
        keep_signs(group.y * (CHANNELS / 32u) + i / PIXELS, p, atomicLoad(&words[i]));
      }
    }
  }
}
