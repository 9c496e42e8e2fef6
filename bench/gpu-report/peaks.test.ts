import { expect, test } from "vitest";
import { openContext } from "../../engine/node.ts";
import { copyKernel, matrixKernel, productsKernel } from "./peaks.ts";

test("all kernels compile, those of matrix units of several shapes, too", async () => {
  using context = await openContext({ backend: "null", family: "gpu" });
  const configs = (["f16", "f32"] as const).flatMap((operand) => [
    { operand, m: 16, n: 16, k: 16, subgroup: 32, isAsked: false },
    { operand, m: 8, n: 8, k: 8, subgroup: 32, isAsked: false },
    { operand, m: 8, n: 16, k: 16, subgroup: 64, isAsked: true },
  ]);
  const kernels = [
    productsKernel(context, "f32"),
    productsKernel(context, "f16"),
    copyKernel(context),
    ...configs.map((config) => matrixKernel(context, config)),
  ];
  await expect(Promise.all(kernels.map(({ ready }) => ready))).resolves.toHaveLength(kernels.length);
});
