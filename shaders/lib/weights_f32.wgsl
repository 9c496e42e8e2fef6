// A convolution's weights are f32 whatever maps are: the matrix of a style's gradient has a wide range.
alias Weights = vec4f;
