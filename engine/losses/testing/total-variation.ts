/** Total variation on the device against its plain reference. */
import { add, totalVariation } from "../../ops/reference.ts";
import { expectClose, type OperationsTest, randomPlanes } from "../../ops/testing/operations.ts";
import { recordTotalVariation } from "../total-variation.ts";

/** The term and what it adds to a gradient, of random pictures. */
export async function expectTotalVariation(
  test: OperationsTest,
  height: number,
  width: number,
): Promise<void> {
  const { context, arena, program } = test;
  const x = randomPlanes(1, 3, height, width, 0, 1);
  const before = randomPlanes(2, 3, height, width, -1e-3, 1e-3);
  const image = arena.bufferWith("picture", Float32Array.from(x.data));
  const gradient = arena.bufferWith("gradient", Float32Array.from(before.data));
  const sink = test.sink();
  recordTotalVariation(context, program, { ...sink, image, gradient, height, width, weight: 7 });
  await test.run();
  const expected = totalVariation(x, 7);
  expectClose([await test.readSink(sink)], [expected.value]);
  expectClose(await context.readFloats(gradient, x.data.length), add(before, expected.gradient).data);
}
