import { describe, expect, test } from "vitest";
import type { Case } from "./cases/case.ts";
import { convolutionCases } from "./cases/convolutions.ts";
import { mapCases } from "./cases/maps.ts";
import { openRaceContext } from "./context.ts";

const groups: Record<string, readonly Case[]> = { mapCases, ...convolutionCases };
describe.each(Object.entries(groups))("%s", (_, cases) => {
  test.each(cases)("$name", async ({ options, run, kernels }) => {
    using context = openRaceContext(options);
    await run(context);
    expect(context.faults.sentences).toEqual([]);
    expect([...context.dispatched]).toEqual(expect.arrayContaining([...kernels]));
  });
});
