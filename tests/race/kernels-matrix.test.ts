import { convolutionCases } from "./cases/convolutions.ts";
import { watch } from "./cases/watch.ts";

watch("matrix units", convolutionCases.matrixCases);
