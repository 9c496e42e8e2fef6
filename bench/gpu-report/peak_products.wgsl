// Nothing but multiply-adds: how many an adapter does. Each invocation has eight sums of four lanes, which wait for
// nobody but themselves. Value is f32 or f16, declared in front.
//   y: [invocations] f32, so that nothing is left out.
//
// Recorder: bench/gpu-report/peaks.ts. Test: bench/gpu-report/peaks.test.ts.
struct Params {
  rounds: u32,
}

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<uniform> params: Params;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let seed = Value(id.x % 7u) / Value(8);
  let factor = vec4<Value>(Value(0.5), Value(0.25), Value(0.75), Value(0.125)) + vec4<Value>(seed / Value(64));
  let term = vec4<Value>(seed);
  // Not the same for all, which would be one sum; and no array, which some compilers keep in memory.
  var s0 = vec4<Value>(seed + Value(0));
  var s1 = vec4<Value>(seed + Value(1));
  var s2 = vec4<Value>(seed + Value(2));
  var s3 = vec4<Value>(seed + Value(3));
  var s4 = vec4<Value>(seed + Value(4));
  var s5 = vec4<Value>(seed + Value(5));
  var s6 = vec4<Value>(seed + Value(6));
  var s7 = vec4<Value>(seed + Value(7));
  for (var i = 0u; i < params.rounds; i++) {
    s0 = fma(s0, factor, term);
    s1 = fma(s1, factor, term);
    s2 = fma(s2, factor, term);
    s3 = fma(s3, factor, term);
    s4 = fma(s4, factor, term);
    s5 = fma(s5, factor, term);
    s6 = fma(s6, factor, term);
    s7 = fma(s7, factor, term);
  }
  let all = s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7;
  y[id.x] = f32(all.x + all.y + all.z + all.w);
}
