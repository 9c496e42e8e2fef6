// Reads kept features from a buffer of flat texels.
@group(0) @binding(0) var<storage, read> x: array<Texel>;

fn feature_at(i: u32) -> vec4f {
  return vec4f(x[i]);
}
