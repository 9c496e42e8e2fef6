/** What the browser and Node.js paint to be compared: few layers, as a step of all of them takes a software adapter seconds; two scales, five steps. */
import type { Network } from "../../../engine/network/types.ts";
import type { SettingsInput } from "../../../engine/options.ts";
import { generatedNetwork } from "../../../weights/generated.ts";

export function shallowNetwork(): Network {
  const network = generatedNetwork();
  const styleLayers = { relu1_1: 0.4, relu2_1: 0.6 };
  return { ...network, defaults: { ...network.defaults, styleLayers } };
}

export const settings: SettingsInput = { size: 47, minSize: 33, steps: 3, scaleSteps: 2 };
