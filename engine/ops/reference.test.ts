import { expect, it } from "vitest";
import { torchvisionPreprocessing } from "../network/types.ts";
import {
  contentLoss,
  conv,
  dConv,
  dPool,
  dPreprocess,
  dRelu,
  gram,
  type Planes,
  pool,
  preprocess,
  relu,
  styleLoss,
  totalVariation,
} from "./reference.ts";
import { random, randomPlanes } from "./testing/operations.ts";

/**
 * Expects `gradient` to be that of f at x, by central differences at some values. Random inputs are never within the
 * step of a kink.
 */
function expectGradient(f: (x: Planes) => number, x: Planes, gradient: Planes): void {
  const step = 1e-5;
  for (let i = 0; i < x.data.length; i += 7) {
    const at = (value: number) => f({ ...x, data: x.data.with(i, value) });
    const difference = (at(x.data[i]! + step) - at(x.data[i]! - step)) / (2 * step);
    expect(gradient.data[i]).toBeCloseTo(difference, 6);
  }
}

const dot = (a: Planes, b: Planes): number => a.data.reduce((sum, value, i) => sum + value * b.data[i]!, 0);

const x = randomPlanes(1, 4, 5, 7);

it("convolution", () => {
  const weight = random(2, 9 * 4 * 3);
  const dy = randomPlanes(3, 3, 5, 7);
  expectGradient((input) => dot(conv(input, weight, [1, 2, 3]), dy), x, dConv(dy, weight, 4));
});

it("ReLU", () => {
  const dy = randomPlanes(4, 4, 5, 7);
  expectGradient((input) => dot(relu(input), dy), x, dRelu(dy, relu(x)));
});

it.each(["avg", "max"] as const)("%s pool of an odd size", (pooling) => {
  const dy = randomPlanes(5, 4, 2, 3);
  expectGradient((input) => dot(pool(input, pooling), dy), x, dPool(dy, x, pooling));
});

it("preprocessing", () => {
  const image = randomPlanes(6, 3, 4, 5, 0, 1);
  const dy = randomPlanes(7, 3, 4, 5);
  const numbers = { ...torchvisionPreprocessing, order: [2, 0, 1] };
  expectGradient((input) => dot(preprocess(input, numbers), dy), image, dPreprocess(dy, numbers));
});

it("style loss", () => {
  const target = gram(randomPlanes(8, 4, 5, 7));
  expectGradient((input) => styleLoss(input, target, 3).value, x, styleLoss(x, target, 3).gradient);
});

it("content loss", () => {
  const target = randomPlanes(9, 4, 5, 7);
  expectGradient((input) => contentLoss(input, target, 2).value, x, contentLoss(x, target, 2).gradient);
});

it("total variation", () => {
  expectGradient((input) => totalVariation(input, 5).value, x, totalVariation(x, 5).gradient);
});
