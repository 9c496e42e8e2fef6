// Pairs of L-BFGS in f16: a texel of a slab is eight values of a vector, times a power of two. Halves are exact to
// 2^-11 of a value from 2^-14 to 2^16.
const PARTS = 2u;  // vec4f in a texel
const LARGEST = vec4f(65504.0);

// What s is multiplied by where it is stored: for steps of the picture, whose values lie in [0,1], from 2^-25 to 32.
const S_SCALE = 2048.0;

// What y is: for differences of gradients, by the largest value of the first gradient, which becomes 2^8 to 2^9:
// gradients may grow by 2^7, and their differences shrink by 2^22.
fn y_scale(largest_gradient: f32) -> f32 {
  return ldexp(1.0, i32(clamp(9.0 - ceil(log2(largest_gradient)), -100.0, 100.0)));
}

// Rounded to nearest, ties to even, which pack2x16float() may do or not: without the 13 bits that a half lacks.
// (Subnormal halves lack more.) What is beyond the largest half becomes that.
fn nearest(values: vec4f) -> vec4f {
  let bits = bitcast<vec4u>(values);
  let rounded = (bits + 0xfffu + ((bits >> vec4u(13u)) & vec4u(1u))) & vec4u(~0x1fffu);
  return clamp(bitcast<vec4f>(rounded), -LARGEST, LARGEST);
}

// To a texel, and back to `scale` times the values.
fn packed(values: array<vec4f, PARTS>, scale: f32) -> vec4u {
  let a = nearest(scale * values[0]);
  let b = nearest(scale * values[1]);
  return vec4u(pack2x16float(a.xy), pack2x16float(a.zw), pack2x16float(b.xy), pack2x16float(b.zw));
}

fn unpacked(texel: vec4u) -> array<vec4f, PARTS> {
  return array(
    vec4f(unpack2x16float(texel.x), unpack2x16float(texel.y)),
    vec4f(unpack2x16float(texel.z), unpack2x16float(texel.w)),
  );
}
