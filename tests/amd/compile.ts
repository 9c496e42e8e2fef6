/** The program that compiles each kernel of the gpu family in turn, and says on stderr which one comes next. */
import { writeSync } from "node:fs";
import { kernelsOf } from "../../engine/dry-run.ts";
import { GpuContext } from "../../engine/gpu/context.ts";
import type { Kernel } from "../../engine/gpu/kernel.ts";
import { checkJob } from "../../engine/job.ts";
import { vgg19 } from "../../engine/network/layers.ts";
import { openContext, readShader } from "../../engine/node.ts";
import { candidateKernels } from "../../engine/ops/gpu/tune.ts";
import type { StylizeOptions } from "../../engine/stylize.ts";
import { seededNetwork, seededPicture } from "../seeded-network.ts";
import { MARK } from "./statistics.ts";

const opened = await openContext({ family: "gpu" });
// Pipelines one after the other: the driver's statistics don't say whose they are.
const context = new GpuContext(opened.device, opened.adapterInfo, readShader, { family: "gpu" });
for (const kernel of await allKernels()) {
  writeSync(2, `\n${MARK} ${nameOf(kernel)}\n`);
  await kernel.ready.catch((error) => writeSync(2, `error: ${error.message}\n`));
}
process.exit(0);

/** The kernels of convolutions in every variant, and of whole runs in both precisions. */
async function allKernels(): Promise<readonly Kernel[]> {
  const kernels = new Map(candidateKernels(context).map((kernel) => [kernel.key, context.adopt(kernel)]));
  const common: StylizeOptions = {
    context,
    network: seededNetwork(vgg19),
    content: seededPicture(1, 64, 64),
    styles: [seededPicture(11, 64, 64)],
    size: 64,
    steps: 2,
  };
  const runs: readonly Partial<StylizeOptions>[] = [
    { precision: "f16" },
    { precision: "f32" },
    { precision: "f16", optimizer: "adam", pooling: "max" },
    { precision: "f32", optimizer: "adam", pooling: "max" },
  ];
  for (const run of runs) {
    for await (const group of kernelsOf(checkJob({ ...common, ...run }))) {
      for (const kernel of group) kernels.set(kernel.key, context.adopt(kernel));
    }
  }
  return [...kernels.values()];
}

/** The kernel, how it stores things, and its sizes. */
function nameOf({ label, key }: Kernel): string {
  const libs = [...key.matchAll(/\b(?:texel|operand|finish|pairs|output)_(\w+)/g)].map(([, what]) => what);
  const sizes = [...key.matchAll(/const (\w+) = (\d+)u;/g)].map(([, name, value]) => `${name}=${value}`);
  const subgroup = /; (\d+)$/.exec(key)?.[1];
  return [label, [...libs, ...sizes, ...(subgroup ? [`subgroups of ${subgroup}`] : [])].join(" ")]
    .filter((part) => part !== "")
    .join(": ");
}
