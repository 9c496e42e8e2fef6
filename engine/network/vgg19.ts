/**
 * VGG19 as data: its 16 3x3 convolutions in five blocks, each block but the first behind a 2x2 pool.
 *
 * Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition" (2014), table 1, column E.
 */

/** One 3x3 convolution with padding 1, followed by a ReLU. */
export interface ConvLayer {
  /** Its name in the papers: `conv3_1`. The feature map behind its ReLU is `relu3_1`. */
  readonly name: ConvName;
  readonly block: number;
  readonly inChannels: number;
  readonly outChannels: number;
  /** Whether a 2x2 pool of stride 2 stands before it. */
  readonly pooled: boolean;
  /** Its index in torchvision's `features` sequence. */
  readonly featuresIndex: number;
}

export type ConvName = `conv${number}_${number}`;
export type ReluName = `relu${number}_${number}`;

const blocks: readonly { readonly convs: number; readonly channels: number }[] = [
  { convs: 2, channels: 64 },
  { convs: 2, channels: 128 },
  { convs: 4, channels: 256 },
  { convs: 4, channels: 512 },
  { convs: 4, channels: 512 },
];

function convLayers(): ConvLayer[] {
  const layers: ConvLayer[] = [];
  let inChannels = 3;
  let featuresIndex = 0;
  for (const [b, { convs, channels }] of blocks.entries()) {
    for (let i = 0; i < convs; i++) {
      const name: ConvName = `conv${b + 1}_${i + 1}`;
      layers.push({
        name,
        block: b,
        inChannels,
        outChannels: channels,
        pooled: b > 0 && i === 0,
        featuresIndex,
      });
      inChannels = channels;
      featuresIndex += 2; // a ReLU follows each convolution
    }
    featuresIndex += 1; // and a pool each block
  }
  return layers;
}

/** All 16 convolutions, in order. */
export const vgg19: readonly ConvLayer[] = convLayers();

/** The names a loss can be put on: the feature map behind each ReLU. */
export const reluNames: readonly ReluName[] = vgg19.map(({ name }) => reluName(name));

/** `conv3_1` -> `relu3_1`. */
export function reluName(name: ConvName): ReluName {
  return `relu${name.slice("conv".length)}` as ReluName;
}

/** The convolutions up to and with the one behind the last of `reluLayers`; nothing after it matters to a loss. */
export function truncated(reluLayers: Iterable<ReluName>): readonly ConvLayer[] {
  const wanted = new Set(reluLayers);
  const last = vgg19.findLastIndex(({ name }) => wanted.has(reluName(name)));
  return vgg19.slice(0, last + 1);
}
