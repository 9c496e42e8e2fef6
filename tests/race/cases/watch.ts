/** Runs cases under the race checker. */
import { describe, expect, test } from "vitest";
import { openRaceContext } from "../context.ts";
import type { Case } from "./case.ts";

/** A test for each case: its values, that nothing was found, and that it runs the kernels which it is about. */
export function watch(title: string, cases: readonly Case[]): void {
  describe(title, () => {
    test.each(cases)("$name", async ({ options, run, kernels, allowed }) => {
      using context = openRaceContext(options);
      await run(context);
      expect(context.faults.sentences.filter((sentence) => !allowed?.test(sentence))).toEqual([]);
      expect([...context.dispatched]).toEqual(expect.arrayContaining([...kernels]));
    });
  });
}
