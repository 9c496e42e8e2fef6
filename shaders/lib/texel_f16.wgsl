enable f16;  // must be in front of everything else in the text
// How maps are stored: four channels a texel, in f16; arithmetic is f32. What is out of range becomes the largest
// number and not infinity, so that a gradient stays finite however large it is.
alias Texel = vec4<f16>;

fn to_texel(value: vec4f) -> Texel {
  return Texel(clamp(value, vec4f(-65504), vec4f(65504)));
}
