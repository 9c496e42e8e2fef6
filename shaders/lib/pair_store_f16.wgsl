// Pairs of L-BFGS in f16, as they are written; see pairs_f16.wgsl. Rounded to nearest, ties to even, which
// pack2x16float() may do or not; what is beyond the largest half becomes that.
const PARTS = 2u;
const LARGEST = vec4f(65504.0);

@group(0) @binding(0) var slab_s: texture_storage_2d_array<rgba32uint, write>;
@group(0) @binding(1) var slab_y: texture_storage_2d_array<rgba32uint, write>;

// Without the 13 bits that a half lacks. (Subnormal halves lack more.)
fn nearest(values: vec4f) -> vec4f {
  let bits = bitcast<vec4u>(values);
  let rounded = (bits + 0xfffu + ((bits >> vec4u(13u)) & vec4u(1u))) & vec4u(~0x1fffu);
  return clamp(bitcast<vec4f>(rounded), -LARGEST, LARGEST);
}

fn packed(values: array<vec4f, PARTS>, scale: f32) -> vec4u {
  let a = nearest(scale * values[0]);
  let b = nearest(scale * values[1]);
  return vec4u(pack2x16float(a.xy), pack2x16float(a.zw), pack2x16float(b.xy), pack2x16float(b.zw));
}

// Stores a pair and returns y as it stands there.
fn store(texel: vec2u, slot: u32, s: array<vec4f, PARTS>, y: array<vec4f, PARTS>, scale: f32) -> array<vec4f, PARTS> {
  let bits = packed(y, scale);
  textureStore(slab_s, texel, slot, packed(s, S_SCALE));
  textureStore(slab_y, texel, slot, bits);
  return array(
    vec4f(unpack2x16float(bits.x), unpack2x16float(bits.y)) / scale,
    vec4f(unpack2x16float(bits.z), unpack2x16float(bits.w)) / scale,
  );
}
