/**
 * What the browser and Node.js paint to be compared: few layers, as a step of all of them takes a software adapter
 * seconds; two scales, five steps.
 */
import type { Network } from "../../../engine/network/types.ts";
import type { SettingsInput } from "../../../engine/options.ts";
import { compactSmall } from "../../../weights/shipped.ts";

export const compared = compactSmall;

export function shallow(network: Network): Network {
  const [contentLayers, styleLayers] = [{ relu2_1: 1 }, { relu1_1: 0.4, relu2_1: 0.6 }];
  return { ...network, defaults: { ...network.defaults, contentLayers, styleLayers } };
}

export const settings: SettingsInput = { size: 47, minSize: 33, steps: 3, scaleSteps: 2 };
