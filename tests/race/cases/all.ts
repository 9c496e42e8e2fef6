/** All cases. */
import type { Case } from "./case.ts";
import { convolutionCases } from "./convolutions.ts";
import { cpuCases } from "./cpu.ts";
import { mapCases } from "./maps.ts";
import { objectiveCases } from "./objective.ts";
import { optimizerCases } from "./optimizers.ts";

export const allCases: readonly Case[] = [
  ...Object.values(convolutionCases).flat(),
  ...mapCases,
  ...optimizerCases,
  ...objectiveCases,
  ...cpuCases,
];
