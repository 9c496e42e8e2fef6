/** Convolutions by direct sums: which layers have them, their weights, their dispatches. See direct-shader.ts. */
import type { GpuContext } from "../../gpu/context.ts";
import type { Program } from "../../gpu/program.ts";
import type { ConvLayer } from "../../network/layers.ts";
import { roundUp } from "../../numbers.ts";
import type { FeatureMap, LayerWeights, MapShape } from "../family.ts";
import {
  DIRECT_DEPTH,
  DIRECT_WORKGROUP,
  directModes,
  directOutputs,
  directShader,
  PICTURE_DEPTH,
  TAPS,
} from "./direct-shader.ts";
import type { Finish } from "./finish.ts";
import { tilesOf } from "./layout.ts";
import type { CpuScratch } from "./scratch.ts";
import { range } from "./text.ts";

/** Products of channels up to which direct sums are faster, as measured with 512-bit vectors. */
const MOST_PRODUCTS = 16 * 32;

export function isDirect({ index, inChannels, outChannels }: ConvLayer): boolean {
  return index === 0 || inChannels * outChannels <= MOST_PRODUCTS;
}

/**
 * [out][in][3][3] as stored -> the texels of `directShader`, [out/8][in/depth][depth][tap][2]; a picture's four outputs
 * stand by themselves. On the way back `out` are the layer's inputs, and taps are turned round.
 */
export function directTexels(layer: ConvLayer, weight: Float32Array, turned: boolean): Float32Array {
  const { inChannels, outChannels } = layer;
  const [outputs, inputs] = turned ? [inChannels, outChannels] : [outChannels, inChannels];
  const depth = depthOf(inputs);
  const channels = roundUp(outputs, 4);
  const group = directOutputs(channels);
  const texels = new Float32Array(channels * inputs * TAPS);
  for (let output = 0; output < outputs; output++) {
    for (let input = 0; input < inputs; input++) {
      const [row, column] = turned ? [input, output] : [output, input];
      const tile = Math.floor(output / group) * (inputs / depth) + Math.floor(input / depth);
      const first = (tile * depth + (input % depth)) * TAPS * group + (output % group);
      for (let tap = 0; tap < TAPS; tap++) {
        texels[first + tap * group] =
          weight[(row * inChannels + column) * TAPS + (turned ? TAPS - 1 - tap : tap)]!;
      }
    }
  }
  return texels;
}

const depthOf = (inputs: number): number => (inputs === PICTURE_DEPTH ? PICTURE_DEPTH : DIRECT_DEPTH);

/** x -> y, a buffer of flat texels of `shape`, backward where `finish` isn't "forward". */
export function recordDirect(
  context: GpuContext,
  program: Program,
  scratch: CpuScratch,
  x: FeatureMap,
  { layer, forward, backward, bias }: LayerWeights,
  shape: MapShape,
  y: GPUBuffer,
  finish: Finish,
  tag: string,
): void {
  const [inputs, wt] =
    finish.mode === "forward" ? [layer.inChannels, forward] : [layer.outChannels, backward];
  const depth = depthOf(inputs);
  const chunks = inputs / depth;
  const tiles = tilesOf(shape);
  const { rows, pitch, height, width } = shape;
  const blocks = 2 * tiles.count;
  const outputs = directOutputs(shape.channels);
  const kernel = context.generatedKernel(
    `direct ${outputs}x${depth}`,
    () => directShader({ depth, outputs }),
    ["fast_divide"],
  );
  const mask = "mask" in finish ? finish.mask : scratch.products;
  const d = "d" in finish ? finish.d : scratch.transformsTexture.view;
  const tile = (depth * TAPS * outputs) / 4;
  for (const chunk of range(chunks)) {
    const params = {
      zero: 0,
      x_first: (chunk * depth) / 4,
      w_first: chunk * tile,
      w_step: chunks * tile,
      accumulate: Number(chunk > 0),
      mode: directModes[chunk === chunks - 1 ? finish.mode : "plain"],
      last: blocks - 1,
      blocks_x: tiles.x,
      inverse_blocks_x: 1 / tiles.x,
      rows,
      pitch,
      height,
      width,
      mask_tiles: tiles.count,
    };
    const grid = [Math.ceil(blocks / DIRECT_WORKGROUP), shape.channels / outputs, 1] as const;
    program.dispatch(kernel, { x: x.resource, wt, y, bias, mask, d }, params, grid, tag);
  }
}
