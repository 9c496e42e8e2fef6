/**
 * The family for llvmpipe, whose generated kernels are watched, too.
 *
 * It gives surplus invocations the last one's work: those of the transforms store the same values to the same places,
 * those of direct sums read what it adds to and throw the sum away. WGSL calls either a race, and llvmpipe, where alone
 * they run, does not mind.
 */
import { vggLayers } from "../../../engine/network/layers.ts";
import { conv, dConv, dRelu, relu } from "../../../engine/ops/reference.ts";
import { expectClose, randomPlanes, randomWeights } from "../../../engine/ops/testing/operations.ts";
import type { RaceContext } from "../context.ts";
import { type Case, operationsOn } from "./case.ts";
import { convolutionsOfCpu } from "./convolutions.ts";
import { mapsOfCpu } from "./maps.ts";

const [height, width] = [11, 13];

async function convolution(context: RaceContext): Promise<void> {
  const layers = vggLayers([[32, 32]]);
  const layer = layers[1]!;
  using test = operationsOn(context, height, width, "f32", layers);
  const x = randomPlanes(1, 32, height, width);
  const dz = randomPlanes(2, 32, height, width);
  const input = relu(randomPlanes(3, 32, height, width));
  const weights = randomWeights(4, layer);
  const loaded = await test.loadWeights(layer, weights);
  const y = test.observe(test.ops.conv(test.upload(x), loaded, { mask: true, features: false }));
  const dx = test.observe(test.ops.convBackward(test.upload(dz), loaded, test.upload(input), {}));
  await test.run();
  expectClose((await test.read(y)).data, relu(conv(x, weights.weight, weights.bias)).data);
  expectClose((await test.read(dx)).data, dRelu(dConv(dz, weights.weight, 32), input).data);
}

const cases: readonly Case[] = [
  { name: "a convolution there and back", kernels: ["winograd_weights"], run: convolution },
  ...convolutionsOfCpu,
  ...mapsOfCpu,
];

export const cpuCases: readonly Case[] = cases.map((own) => ({
  ...own,
  name: `${own.name}, cpu family`,
  options: { family: "cpu", limits: { maxComputeWorkgroupStorageSize: 32_768 } },
  allowed: new RegExp(
    "^race .* in '(winograd (input|output)[^']*', '\\w+' at .*: write by .* and write by " +
      "|direct [^']*', 'y' at .*: (write by .* and read by|read by .* and write by) )",
  ),
}));
