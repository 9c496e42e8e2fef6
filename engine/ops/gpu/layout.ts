/** How the gpu family lays out maps, masks and weights. Pure arithmetic. */
import type { Precision } from "../../gpu/precision.ts";
import type { ConvLayer } from "../../network/layers.ts";
import type { Size } from "../../picture.ts";
import { mostTexels, type Storage } from "../elementwise.ts";
import type { MapShape } from "../family.ts";

/** Maps have no padding: pixels are counted through from row to row. */
export function mapShape(channels: number, height: number, width: number): MapShape {
  return { channels, height, width, pitch: width, rows: height };
}

/** Channels of a mask's word; what all channels are multiples of. */
export const MASK_CHANNELS = 32;

/** Words of a mask from one group of 32 channels to the next; see shaders/lib/mask_words.wgsl. */
export const maskWords = ({ height, width }: MapShape): number => height * width;

export const maskBytes = (shape: MapShape): number => 4 * (shape.channels / MASK_CHANNELS) * maskWords(shape);

/** Bytes of a texel of four channels. */
export const texelBytes = (precision: Precision): number => (precision === "f16" ? 8 : 16);

/** Bytes of the largest map of pictures of this size; `layers` as the network has them. */
export const largestMapBytes = (layers: readonly ConvLayer[], size: Size, precision: Precision): number =>
  texelBytes(precision) * mostTexels(layers, size, MASK_CHANNELS, mapShape);

export const gpuStorage = (precision: Precision): Storage => ({
  texel: `texel_${precision}`,
  x: "x",
  map: "map_buffer",
  features: "features_buffer",
  mask: "mask_words",
  weight: "weight_rows",
  maskParams: (shape) => ({ mask_tiles: maskWords(shape), tiles_x: 0 }),
});

/** OIHW -> [9][inChannels][outChannels], as conv2d_gemm.wgsl and conv_input.wgsl read weights. */
export function packForward(weight: Float32Array, outChannels: number, inChannels: number): Float32Array {
  const packed = new Float32Array(weight.length);
  for (let o = 0; o < outChannels; o++) {
    for (let i = 0; i < inChannels; i++) {
      const from = 9 * (o * inChannels + i);
      for (let tap = 0; tap < 9; tap++) {
        packed[(tap * inChannels + i) * outChannels + o] = weight[from + tap]!;
      }
    }
  }
  return packed;
}

/** OIHW -> [9][outChannels][inChannels] with the taps in reverse: the convolution that goes back to the input. */
export function packBackward(weight: Float32Array, outChannels: number, inChannels: number): Float32Array {
  const packed = new Float32Array(weight.length);
  for (let o = 0; o < outChannels; o++) {
    for (let i = 0; i < inChannels; i++) {
      const from = 9 * (o * inChannels + i);
      for (let tap = 0; tap < 9; tap++) {
        packed[((8 - tap) * outChannels + o) * inChannels + i] = weight[from + tap]!;
      }
    }
  }
  return packed;
}

/**
 * OIHW with three input channels -> [9][outChannels/4][3][4], taps in reverse, as conv_input_backward.wgsl reads them.
 */
export function packInputBackward(weight: Float32Array, outChannels: number): Float32Array {
  const packed = new Float32Array(weight.length);
  for (let o = 0; o < outChannels; o++) {
    for (let c = 0; c < 3; c++) {
      for (let tap = 0; tap < 9; tap++) {
        const group = ((8 - tap) * outChannels) / 4 + (o >> 2);
        packed[4 * (3 * group + c) + (o & 3)] = weight[9 * (3 * o + c) + tap]!;
      }
    }
  }
  return packed;
}
