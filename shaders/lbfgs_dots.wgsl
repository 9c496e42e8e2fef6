// All dot products a step of L-BFGS needs, for PAIRS slots a workgroup: with y the newest difference and g the
// gradient,
//   partials[chunk][slot] = (s_slot . y, y_slot . y, s_slot . g, y_slot . g) over the values of one chunk,
// so that y and g are loaded once for 2 * PAIRS history vectors; and partials[chunk][pitch - 1] = (|g|_1, g . g, 0, max
// |g|). s_slot and y_slot are what is stored of them (lib/pairs_*.wgsl), a texel PARTS vec4f. Workgroup (x, y) does
// chunk x, `chunkRows` rows of 64 texels, for slots y * PAIRS onward of the slab. Eight lanes together go through an
// eighth of the chunk, 128 bytes a slot at a time and the next 128 after that: llvmpipe's vectors have eight or sixteen
// lanes, each runs by itself, and going by rows of 64 texels instead takes it three times as long. The lanes' sums are
// added in a fixed tree, and lbfgs_direction.wgsl adds the chunks: the same picture gives the same bits.
//
// Reference: referenceLbfgs in engine/optimizers/reference.ts.
// Recorder: engine/optimizers/lbfgs.ts. Test: engine/optimizers/lbfgs.test.ts.
struct Params {
  rows: u32,       // rows of 64 texels in a vector
  chunkRows: u32,  // rows a chunk
  firstSlot: u32,  // of this slab
  pitch: u32,      // vec4f from chunk to chunk in `partials`: slots + 1
}

@group(0) @binding(0) var slab_s: texture_storage_2d_array<rgba32uint, read>;
@group(0) @binding(1) var slab_y: texture_storage_2d_array<rgba32uint, read>;
@group(0) @binding(2) var<storage, read> difference: array<vec4f>;
@group(0) @binding(3) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(5) var<uniform> params: Params;

const LANES = 64u;
const SHARE = 8u; // sums that one lane adds in each of the two levels of the tree: SHARE * SHARE = LANES

var<workgroup> sums: array<vec4f, (PAIRS + 1u) * LANES>; // [PAIRS + 1][LANES]
var<workgroup> shares: array<vec4f, (PAIRS + 1u) * SHARE>; // [PAIRS + 1][SHARE]

// Sums of x, y, z; the largest w of the norms, the sum of every other w.
fn join(a: vec4f, b: vec4f, is_norm: bool) -> vec4f {
  return vec4f(a.xyz + b.xyz, select(a.w + b.w, max(a.w, b.w), is_norm));
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  var total: array<vec4f, PAIRS>;
  var norm = vec4f();
  let first = group.x * params.chunkRows;
  let rows = min(params.chunkRows, params.rows - first);
  let start = first * LANES + lane / 8u * (8u * rows) + lane % 8u;
  let slot = group.y * PAIRS;
  for (var row = 0u; row < rows; row++) {
    let at = start + 8u * row;
    let texel = vec2u(at % WIDTH, at / WIDTH);
    var y: array<vec4f, PARTS>;
    var g: array<vec4f, PARTS>;
    for (var part = 0u; part < PARTS; part++) {
      y[part] = difference[at * PARTS + part];
      g[part] = gradient[at * PARTS + part];
      let size = abs(g[part]);
      norm += vec4f(dot(size, vec4f(1.0)), dot(g[part], g[part]), 0.0, 0.0);
      norm.w = max(norm.w, max(max(size.x, size.y), max(size.z, size.w)));
    }
    for (var p = 0u; p < PAIRS; p++) {
      let s_p = unpacked(textureLoad(slab_s, texel, slot + p));
      let y_p = unpacked(textureLoad(slab_y, texel, slot + p));
      for (var part = 0u; part < PARTS; part++) {
        total[p] += vec4f(
          dot(s_p[part], y[part]),
          dot(y_p[part], y[part]),
          dot(s_p[part], g[part]),
          dot(y_p[part], g[part]),
        );
      }
    }
  }
  for (var p = 0u; p < PAIRS; p++) {
    sums[p * LANES + lane] = total[p];
  }
  sums[PAIRS * LANES + lane] = norm;
  workgroupBarrier();
  for (var k = lane; k < (PAIRS + 1u) * SHARE; k += LANES) {
    var share = sums[k * SHARE];
    for (var j = 1u; j < SHARE; j++) {
      share = join(share, sums[k * SHARE + j], k >= PAIRS * SHARE);
    }
    shares[k] = share;
  }
  workgroupBarrier();
  if (lane <= PAIRS) {
    let is_norm = lane == PAIRS;
    var sum = shares[lane * SHARE];
    for (var j = 1u; j < SHARE; j++) {
      sum = join(sum, shares[lane * SHARE + j], is_norm);
    }
    let target_slot = select(params.firstSlot + slot + lane, params.pitch - 1u, is_norm);
    if (!is_norm || (group.y == 0u && params.firstSlot == 0u)) {
      partials[group.x * params.pitch + target_slot] = sum;
    }
  }
}
