// The ReLU mask that conv2d_gemm.wgsl writes. A word holds what one of its threads computes: 8 channels of the 4 pixels
// p, p + 32, p + 64, p + 96 of a run of 128, counted over the whole map. Bit (c4 & 1) * 16 + (p / 32 & 3) * 4 + channel.
// `mask_tiles`: words from one group of 8 channels to the next.
@group(0) @binding(1) var<storage, read> mask: array<u32>;

fn mask_at(c4: u32, row: u32, column: u32) -> vec4<bool> {
  let p = row * params.y_pitch + column;
  let word = mask[(c4 >> 1u) * params.mask_tiles + (p >> 7u) * 32u + (p & 31u)];
  let bits = word >> ((c4 & 1u) * 16u + ((p >> 5u) & 3u) * 4u);
  return (vec4u(bits) & vec4u(1u, 2u, 4u, 8u)) != vec4u(0u);
}
