/** All kernels under the race checker, but for convolutions between maps, which have files of their own. */
import { expect, test } from "vitest";
import { allCases } from "./cases/all.ts";
import { convolutionCases } from "./cases/convolutions.ts";
import { cpuCases } from "./cases/cpu.ts";
import { mapCases } from "./cases/maps.ts";
import { objectiveCases } from "./cases/objective.ts";
import { optimizerCases } from "./cases/optimizers.ts";
import { watch } from "./cases/watch.ts";
import { kernelFiles } from "./shader-files.ts";

watch("between picture and map", convolutionCases.pictureCases);
watch("maps and pictures", mapCases);
watch("optimisers", optimizerCases);
watch("the whole evaluation", objectiveCases);
watch("the family for llvmpipe", cpuCases);

test("no kernel is left out", () => {
  const watched = new Set(allCases.flatMap(({ kernels }) => kernels));
  expect(kernelFiles.filter((name) => !watched.has(name))).toEqual([]);
});
