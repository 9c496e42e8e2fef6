// A convolution's weights are stored as maps are (lib/texel_*.wgsl).
alias Weights = Texel;
