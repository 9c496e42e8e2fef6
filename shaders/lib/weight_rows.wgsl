// Where conv2d_gemm.wgsl reads the weight of output channel m and input channel k of a 1x1 convolution. Of the kernel:
// params.channels.
fn weight_index(m: u32, k: u32) -> u32 {
  return k * params.channels + m;
}
