/** One evaluation of all losses with its gradient, from the picture through two layers and back. */
import { expect } from "vitest";
import type { Precision } from "../../../engine/gpu/precision.ts";
import { contentTargets, recordObjective, styleTargets, termsOf } from "../../../engine/losses/objective.ts";
import { parseRecord } from "../../../engine/losses/record.ts";
import { loadModel } from "../../../engine/model.ts";
import { vggLayers } from "../../../engine/network/layers.ts";
import type { Network, Pooling } from "../../../engine/network/types.ts";
import {
  contentLoss,
  conv,
  gram,
  type Planes,
  planes,
  pool,
  preprocess,
  relu,
  styleLoss,
  sumOfSquares,
  totalVariation,
} from "../../../engine/ops/reference.ts";
import { expectClose } from "../../../engine/ops/testing/operations.ts";
import { seededNetwork, seededPicture } from "../../seeded-network.ts";
import type { RaceContext } from "../context.ts";
import { type Case, precisions, toleranceOf } from "./case.ts";

const [height, width] = [12, 14];
const weights = {
  contentLayers: { relu2_1: 1 },
  styleLayers: { relu1_1: 1 },
  contentWeight: 0.5,
  styleWeight: 1,
  tvWeight: 2,
} as const;
const terms = termsOf(weights);

function features({ layers, weights, preprocessing }: Network, pooling: Pooling, image: Planes) {
  const [first, second] = layers.map(({ name }) => weights.get(name)!);
  const relu1 = relu(conv(preprocess(image, preprocessing), first!.weight, first!.bias));
  return { relu1, relu2: relu(conv(pool(relu1, pooling), second!.weight, second!.bias)) };
}

async function evaluate(context: RaceContext, precision: Precision, pooling: Pooling): Promise<void> {
  const network = seededNetwork(vggLayers([[32], [32]]));
  const [start, content, style] = [1, 3, 5].map((seed) => seededPicture(seed, height, width));
  using arena = context.arena("test");
  const model = await loadModel(context, arena, network, pooling, ["relu1_1", "relu2_1"], precision);
  const targets = {
    content: await contentTargets(context, model, content!, new Set(["relu2_1"])),
    style: await styleTargets(context, model, [style!], new Set(["relu1_1"])),
  };
  const objective = recordObjective(context, arena, model, start!, terms, targets);
  await objective.program.run();

  const of = (data: ArrayLike<number>) => planes(3, height, width, data);
  const wanted = features(network, pooling, of(content!.data)).relu2;
  const wantedGram = gram(features(network, pooling, of(style!.data)).relu1);
  const loss = (image: Planes) => {
    const { relu1, relu2 } = features(network, pooling, image);
    return [
      contentLoss(relu2, wanted, 0.5 / sumOfSquares(wanted.data)).value,
      styleLoss(relu1, wantedGram, 1 / sumOfSquares(wantedGram)).value,
      totalVariation(image, 2).value,
    ];
  };
  const total = (image: Planes) => loss(image).reduce((sum, value) => sum + value);
  const image = of(start!.data);
  const tolerance = 10 * toleranceOf(precision);
  const { ring, gradient, best } = objective;
  const record = parseRecord(await context.readFloats(ring, ring.size / 4), 0, terms.length);
  expectClose(record.terms, loss(image), tolerance);
  expect([...(await context.readFloats(best, image.data.length))]).toEqual([...image.data]);
  const actual = await context.readFloats(gradient, image.data.length);
  const largest = Math.max(...actual.map(Math.abs));
  const step = 1e-5;
  for (const i of [0, 5 * width + 7, height * width + 3, 3 * height * width - 1]) {
    const at = (value: number) => total({ ...image, data: image.data.with(i, value) });
    const difference = (at(image.data[i]! + step) - at(image.data[i]! - step)) / (2 * step);
    expect(Math.abs(actual[i]! - difference)).toBeLessThan(tolerance * largest);
  }

  // A picture with a larger loss is no better one.
  context.device.queue.writeBuffer(
    objective.image,
    0,
    Float32Array.from(image.data, (x) => 2 - 3 * x),
  );
  await objective.program.run();
  expect([...(await context.readFloats(best, image.data.length))]).toEqual([...image.data]);
}

export const objectiveCases: readonly Case[] = precisions.flatMap((precision) =>
  (["avg", "max"] as const).map((pooling) => ({
    name: `all losses and their gradient in ${precision}, ${pooling} pool`,
    kernels: [
      "keep_best",
      "loss_record",
      "image_tv",
      "conv_input",
      "conv_input_backward",
      `pool_${pooling}_backward`,
    ],
    run: (context: RaceContext) => evaluate(context, precision, pooling),
  })),
);
