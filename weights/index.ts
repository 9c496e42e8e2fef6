/** Where networks come from. */
export { cacheFolder } from "./download/cache.ts";
export { type DownloadProgress, type PullOptions, pull } from "./download/pull.ts";
export { generatedNetwork } from "./generated.ts";
export { type LoadOptions, loadDefaultNetwork, loadNetwork } from "./load.ts";
export { bestNetwork, findEntry, type ManifestEntry, manifest } from "./manifest.ts";
export { type PreprocessingName, preprocessingNames } from "./preprocessing.ts";
export { compact, compactSmall, type ShippedNetwork } from "./shipped.ts";
export { TuningFiles } from "./tuning-file.ts";
