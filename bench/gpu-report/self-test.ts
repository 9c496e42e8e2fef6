/** The engine's self-test, and one variant of each method on such a problem with its time. */
import { precisionOn } from "../../engine/gpu/precision.ts";
import { exerciseFor, selfTest } from "../../engine/ops/gpu/tune.ts";
import { oneOfEach, variantsFor } from "../../engine/ops/gpu/variants.ts";
import { messageOf } from "../processes.ts";
import { open } from "./adapter.ts";
import type { SelfTest } from "./report.ts";
import { doUnits, type UnitsRequest } from "./requests.ts";
import { tryVariants } from "./trial.ts";

const precisions = ["f32", "f16"] as const;

export async function runSelfTests(request: UnitsRequest): Promise<void> {
  const units = precisions.map((precision) => ({
    label: precision,
    run: () => testOnce(request, precision),
  }));
  await doUnits<SelfTest>(units, request.skip);
}

async function testOnce(request: UnitsRequest, precision: (typeof precisions)[number]): Promise<SelfTest> {
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
  const problem = exerciseFor(precision, context.isSoftware);
  const methods = await tryVariants(context, problem, oneOfEach(variantsFor(problem, context)));
  return { precision, verdict: first.verdict, firstMs: first.ms, secondMs: second.ms, methods };
}
