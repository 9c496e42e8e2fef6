/** The engine's self-test, and one variant of each method on such a problem with its time. */
import { precisionOn } from "../../engine/gpu/precision.ts";
import { selfTest } from "../../engine/ops/gpu/tune.ts";
import { type Problem, variantsFor } from "../../engine/ops/gpu/variants.ts";
import { messageOf } from "../processes.ts";
import { open } from "./adapter.ts";
import type { SelfTest } from "./report.ts";
import { type ChildRequest, doUnits } from "./requests.ts";
import { oneOfEach, tryVariants } from "./trial.ts";

const precisions = ["f32", "f16"] as const;

type Request = Extract<ChildRequest, { part: "self-test" | "operations" | "peaks" }>;

export async function runSelfTests(request: Request): Promise<void> {
  const units = precisions.map((precision) => ({
    label: precision,
    run: () => testOnce(request, precision),
  }));
  await doUnits<SelfTest>(units, request.skip);
}

async function testOnce(request: Request, precision: (typeof precisions)[number]): Promise<SelfTest> {
  using context = await open(request);
  try {
    precisionOn(context, precision);
  } catch (error) {
    return { precision, methods: [], problem: messageOf(error) };
  }
  const timed = async () => {
    const began = performance.now();
    const verdict = await selfTest(context, precision);
    return { verdict, ms: performance.now() - began };
  };
  const first = await timed();
  const second = await timed();
  // A convolution as the self-test has it: some GFLOP, next to nothing on a software adapter.
  const problem: Problem = {
    ...({ side: 3, direction: "forward", inChannels: 128, outChannels: 128, precision } as const),
    pixels: context.isSoftware ? 2 ** 6 : 2 ** 14,
  };
  const methods = await tryVariants(context, problem, oneOfEach(variantsFor(problem, context)));
  return { precision, verdict: first.verdict, firstMs: first.ms, secondMs: second.ms, methods };
}
