/** Steps, and starts, by each clone's own benchmark. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { askChild, withFolder } from "../children.ts";
import { networkOf } from "../networks.ts";
import { type BenchOptions, defaultSizes } from "../options.ts";
import type { Compared, KeptMeasurement, MeasureRequest } from "../report.ts";
import { cacheVariables } from "../shader-cache.ts";
import type { Measured, Subject } from "./bench.ts";

/** One for each size and network. An earlier commit that knows no such network measures its own: VGG19. */
export function stepSubjects(options: BenchOptions): Subject[] {
  const { network: networks, reps, family, precision, optimizer, history, device } = options;
  const sizes = options.sizes ?? defaultSizes;
  return sizes.flatMap((size) =>
    networks.map((network): Subject => {
      const request: MeasureRequest = {
        ...{ network, size, reps, optimizer, history, family, precision, device },
        profile: false,
      };
      const measure = (clone: string) => measureClone(clone, request, options.cold ?? false);
      return { size, name: `${network} at ${size} px`, measure };
    }),
  );
}

async function measureClone(clone: string, request: MeasureRequest, isCold: boolean): Promise<Measured> {
  const child = join(clone, "bench", "child.ts");
  if (!existsSync(child)) throw new Error("Expected the commit to have a benchmark but it has none.");
  const ask = (asked: MeasureRequest, variables?: Readonly<Record<string, string>>) =>
    askChild<KeptMeasurement>(child, asked, variables);
  const found = (
    measurement: KeptMeasurement,
    starts: readonly (readonly [Compared, number])[],
  ): Measured => {
    const { adapter, wall } = measurement;
    const times = new Map<Compared, number>([...starts, ["step", wall!.median]]);
    return { network: networkOf(measurement), adapter, times };
  };
  if (!isCold) return found(await ask(request), []);
  return withFolder(async (cache) => {
    const variables = cacheVariables(cache);
    const cold = await ask({ ...request, reps: 0 }, variables);
    const warm = await ask(request, variables);
    return found(warm, [
      ["cold start", cold.startUp.total],
      ["warm start", warm.startUp.total],
    ]);
  });
}
