/** Files of weights: reading those that people have, writing ours. */
export { openTensorFile } from "./open.ts";
export { encodeSafetensors, safetensorsParts, type Tensor } from "./safetensors.ts";
export type { Format, TensorFile, TensorInfo } from "./tensor-file.ts";
