/** Where networks come from in a browser: the part of index.ts that needs no Node.js. */
export { generatedNetwork } from "./generated.ts";
export { type PreprocessingName, preprocessingNames } from "./preprocessing.ts";
export { type ReadOptions, readNetworkBlob } from "./read-network.ts";
export { compact, compactSmall, type ShippedNetwork } from "./shipped.ts";
