/**
 * The generated network: VGG19 whose weights are made from a seed, so that the engine works without a download.
 *
 * Random weights do for style transfer once every channel is scaled (He, Wang and Hopcroft, "A Powerful Generative
 * Model Using Random Weights for the Deep Image Representation", NIPS 2016). Ours are smooth, blind to what all
 * channels have in common, and scaled so that each channel answers pictures alike (calibrate.ts):
 * docs/generated-network.md says what each of that is for.
 */

import { type ConvLayer, type ConvName, truncated, vgg19 } from "../engine/network/layers.ts";
import {
  type ConvWeights,
  type Network,
  type NetworkDefaults,
  torchvisionPreprocessing,
} from "../engine/network/types.ts";
import { calibration } from "./generated-calibration.ts";
import { torchvisionIndex } from "./naming.ts";

const SEED = 1;

/** Relative strengths of a kernel's slope and curvature along each axis, its mean being 1. */
const SLOPE = 0.75;
const CURVATURE = 0.25;

/**
 * The same among red, green and blue: strengths of red - blue and of red - 2 green + blue. Colours vary less than
 * brightness in pictures.
 */
const RED_BLUE = 2.5;
const MAGENTA_GREEN = 1.5;

/** Deviates per unit of a channel's threshold, which makes thresholds' deviation about one half. */
const DEVIATES_PER_THRESHOLD = 300;

export const generatedDefaults: NetworkDefaults = {
  contentLayers: { relu2_1: 1 },
  styleLayers: { relu1_1: 0.15, relu2_1: 0.25, relu3_1: 0.25, relu4_1: 0.2, relu5_1: 0.15 },
  contentWeight: 0.1,
  styleWeight: 1,
  tvWeight: 0.3,
  pooling: "avg",
};

/** The layers that the generated network has: conv1_1 to conv5_1. */
export const generatedLayers: readonly ConvLayer[] = truncated(vgg19, ["relu5_1"]);

/**
 * Makes the generated network, the same on every platform; 12.9 million weights.
 *
 * @example
 * import { generatedNetwork } from "stylize/weights";
 * const network = generatedNetwork();
 */
export function generatedNetwork(): Network {
  const numbers = decodeFloats(calibration);
  const weights = new Map<ConvName, ConvWeights>();
  let at = 0;
  for (const layer of generatedLayers) {
    const scale = numbers.slice(at, at + layer.outChannels);
    const bias = numbers.slice(at + layer.outChannels, at + 2 * layer.outChannels);
    weights.set(layer.name, { weight: scaleChannels(rawWeights(layer), scale), bias });
    at += 2 * layer.outChannels;
  }
  return {
    name: "generated network",
    preprocessing: torchvisionPreprocessing,
    layers: generatedLayers,
    weights,
    defaults: generatedDefaults,
  };
}

/** Multiplies the weights of each output channel, in place. weight: OIHW, scale: [outChannels]. */
function scaleChannels(weight: Float32Array, scale: Float32Array): Float32Array {
  const size = weight.length / scale.length;
  for (const [channel, factor] of scale.entries()) {
    for (let k = channel * size; k < (channel + 1) * size; k++) weight[k]! *= factor;
  }
  return weight;
}

/** A layer's weights before calibration, OIHW. */
export function rawWeights(layer: ConvLayer): Float32Array {
  const weight = new Float32Array(layer.outChannels * layer.inChannels * 9);
  const counter = scramble(SEED) + firstWeight(layer);
  for (let k = 0; k < weight.length; k++) weight[k] = deviate(counter + k);
  for (let kernel = 0; kernel < weight.length; kernel += 9) {
    for (let y = 0; y < 9; y += 3) compose(weight, kernel + y, 1, SLOPE, CURVATURE);
    for (let x = 0; x < 3; x++) compose(weight, kernel + x, 3, SLOPE, CURVATURE);
  }
  if (layer.inChannels === 3) composeColours(weight);
  else centreTaps(weight, layer.inChannels);
  return weight;
}

/**
 * What each channel's mean response in front of its ReLU is calibrated to, in deviations: some channels fire often,
 * some seldom.
 */
export function thresholds(layer: ConvLayer): number[] {
  const counter = scramble(SEED + 1) + torchvisionIndex(layer) * 512;
  return Array.from({ length: layer.outChannels }, (_, c) => deviate(counter + c) / DEVIATES_PER_THRESHOLD);
}

function composeColours(weight: Float32Array): void {
  for (let filter = 0; filter < weight.length; filter += 27) {
    for (let tap = 0; tap < 9; tap++) compose(weight, filter + tap, 9, RED_BLUE, MAGENTA_GREEN);
  }
}

/**
 * Makes each tap's weights sum to zero over the input channels.
 *
 * Without it, what all channels have in common (they are never negative) drowns the rest, and the zeros that pad a map,
 * having none of it, draw a frame around the picture.
 */
function centreTaps(weight: Float32Array, inChannels: number): void {
  const size = 9 * inChannels;
  for (let filter = 0; filter < weight.length; filter += size) {
    for (let tap = filter; tap < filter + 9; tap++) {
      let sum = 0;
      for (let k = tap; k < filter + size; k += 9) sum += weight[k]!;
      const mean = sum / inChannels;
      for (let k = tap; k < filter + size; k += 9) weight[k]! -= mean;
    }
  }
}

/**
 * Turns the amounts of mean, slope and curvature at `at`, `at + stride` and `at + 2 stride` into the three values they
 * add up to.
 */
function compose(
  w: Float32Array,
  at: number,
  stride: number,
  slopeGain: number,
  curvatureGain: number,
): void {
  const mean = w[at]!;
  const slope = slopeGain * w[at + stride]!;
  const curvature = curvatureGain * w[at + 2 * stride]!;
  w[at] = mean + slope + curvature;
  w[at + stride] = mean - 2 * curvature;
  w[at + 2 * stride] = mean - slope + curvature;
}

/** How many weights the layers before `layer` have. */
function firstWeight(layer: ConvLayer): number {
  const before = generatedLayers.slice(0, generatedLayers.indexOf(layer));
  return before.reduce((sum, { inChannels, outChannels }) => sum + 9 * inChannels * outChannels, 0);
}

/** A nearly normal integer of mean 0 and deviation 147.8: four random bytes less their mean sum. */
function deviate(counter: number): number {
  const x = scramble(counter);
  return (x & 255) + ((x >>> 8) & 255) + ((x >>> 16) & 255) + (x >>> 24) - 510;
}

/** A bijection of 32-bit integers with good avalanche, "lowbias32" of Chris Wellons' hash-prospector. */
function scramble(counter: number): number {
  let x = counter | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0xd35a2d97);
  return x ^ (x >>> 15);
}

function decodeFloats(base64: string): Float32Array {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}
