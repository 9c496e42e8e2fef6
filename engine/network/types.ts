/** What the engine must be given of a network: weights, how pictures enter it, and the settings it looks best with. */
import type { ConvLayer, ConvName, ReluName } from "./layers.ts";

export interface ConvWeights {
  /** [outChannels][inChannels][3][3], as PyTorch stores it (OIHW); correlation, not convolution. */
  readonly weight: Float32Array;
  /** [outChannels] */
  readonly bias: Float32Array;
}

/**
 * How an sRGB picture in [0,1] becomes the network's input: channel c of it is `(rgb[order[c]] - mean[c]) / std[c]`.
 */
export interface Preprocessing {
  readonly name: string;
  /** Which of R, G, B (0, 1, 2) is channel c. */
  readonly order: readonly [number, number, number];
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** The numbers torchvision's models were trained with: RGB, ImageNet's mean and deviation. */
export const torchvisionPreprocessing: Preprocessing = {
  name: "torchvision",
  order: [0, 1, 2],
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

export type Pooling = "avg" | "max";

/** Settings that suit one network and not another; each can be overridden by an option. */
export interface NetworkDefaults {
  /** Layer -> weight in the content loss. */
  readonly contentLayers: Readonly<Partial<Record<ReluName, number>>>;
  /** Layer -> weight in the style loss. */
  readonly styleLayers: Readonly<Partial<Record<ReluName, number>>>;
  readonly contentWeight: number;
  readonly styleWeight: number;
  readonly tvWeight: number;
  readonly pooling: Pooling;
}

export interface Network {
  /** Short and honest, shown to users: "generated network", "vgg19". */
  readonly name: string;
  readonly preprocessing: Preprocessing;
  /** What it is made of: at least every layer up to the last with a loss. */
  readonly layers: readonly ConvLayer[];
  /** Of each of its layers. */
  readonly weights: ReadonlyMap<ConvName, ConvWeights>;
  readonly defaults: NetworkDefaults;
}
