/** Where networks come from. */
export { generatedNetwork } from "./generated.ts";
export { loadNetwork } from "./load.ts";
