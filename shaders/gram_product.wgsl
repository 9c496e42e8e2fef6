// Partial sums of the Gram matrix F F^T of features F: [channels/4][pixels] vec4f. It is symmetric, so only the 64 x 64 tiles on and
// above the diagonal are computed: tile (i, j) with i <= j is number j (j + 1) / 2 + i.
//   partials: [chunks][tiles][64][64] f32; chunk k sums over pixels k * chunk_pixels .. (k + 1) * chunk_pixels
// One workgroup: one tile over one chunk, in steps of 16 pixels held in workgroup memory; one invocation: 4 x 4 products.
struct Params {
  pixels: u32,
  chunk_pixels: u32,  // a multiple of 16
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

// [64 / 4 channels][16 pixels and one that is not used, so that neighbours are in different banks]
var<workgroup> left: array<vec4f, 272>;
var<workgroup> right: array<vec4f, 272>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  var j = 0u;
  while ((j + 1u) * (j + 2u) / 2u <= group.x) {
    j++;
  }
  let i = group.x - j * (j + 1u) / 2u;
  let pixel = local & 15u;
  let c4 = local >> 4u;
  let left_row = (16u * i + c4) * params.pixels;
  let right_row = (16u * j + c4) * params.pixels;

  let a4 = local >> 4u;  // rows of the tile that this invocation computes, in fours
  let b4 = local & 15u;  // and its columns
  var sum0 = vec4f();
  var sum1 = vec4f();
  var sum2 = vec4f();
  var sum3 = vec4f();
  let start = group.y * params.chunk_pixels;
  let end = min(start + params.chunk_pixels, params.pixels);
  for (var first = start; first < end; first += 16u) {
    var left_value = vec4f();
    var right_value = vec4f();
    if (first + pixel < end) {
      left_value = x[left_row + first + pixel];
      right_value = x[right_row + first + pixel];
    }
    workgroupBarrier();
    left[c4 * 17u + pixel] = left_value;
    right[c4 * 17u + pixel] = right_value;
    workgroupBarrier();
    for (var k = 0u; k < 16u; k++) {
      let a = left[a4 * 17u + k];
      let b = right[b4 * 17u + k];
      sum0 += a.x * b;
      sum1 += a.y * b;
      sum2 += a.z * b;
      sum3 += a.w * b;
    }
  }
  let tile = (group.y * groups.x + group.x) * 1024u + 64u * a4 + b4;
  partials[tile] = sum0;
  partials[tile + 16u] = sum1;
  partials[tile + 32u] = sum2;
  partials[tile + 48u] = sum3;
}
