/** Settings that suit VGG19 as trained on ImageNet. */
import { type ReluName, truncated, vgg19 } from "../engine/network/layers.ts";
import type { NetworkDefaults } from "../engine/network/types.ts";

/**
 * The layers of Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks" (CVPR 2016), and
 * average pooling, which they prefer. Each style layer has one fifth of the style loss: losses are relative to their
 * targets here, so none needs a factor for its size. The smoothing is ours.
 */
export const vgg19Defaults: NetworkDefaults = {
  contentLayers: { relu4_2: 1 },
  styleLayers: { relu1_1: 0.2, relu2_1: 0.2, relu3_1: 0.2, relu4_1: 0.2, relu5_1: 0.2 },
  contentWeight: 0.02,
  styleWeight: 1,
  tvWeight: 0.1,
  pooling: "avg",
};

/** How many convolutions these losses look at; those behind are never read. */
export const neededLayers: number = truncated(
  vgg19,
  Object.keys({ ...vgg19Defaults.contentLayers, ...vgg19Defaults.styleLayers }) as ReluName[],
).length;
