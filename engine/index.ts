/** The public surface of the engine: pictures in, picture out. */
export { type Checkpoint, checkpointOf } from "./checkpoint.ts";
export { dryRun, type RunMemory, type ScaleMemory } from "./dry-run.ts";
export { type ErrorCode, errorCodes, StylizeError } from "./errors.ts";
export { GpuContext, type ShaderSource } from "./gpu/context.ts";
export type { Iterate } from "./iterate.ts";
export {
  type ConvLayer,
  type ConvName,
  type ReluName,
  reluName,
  vgg19,
  vggLayers,
} from "./network/layers.ts";
export * from "./network/types.ts";
export { optionTable, parseSettings, type Settings, type SettingsInput } from "./options.ts";
export type { Picture } from "./picture.ts";
export { type StylizeOptions, type StylizeResult, stylize } from "./stylize.ts";
export type { TuningStore } from "./tuning-store.ts";
