// How maps are stored: four channels a texel, in f32. lib/texel_f16.wgsl is the other way.
alias Texel = vec4f;

fn to_texel(value: vec4f) -> Texel {
  return value;
}
