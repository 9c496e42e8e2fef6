import { convolutionCases } from "./cases/convolutions.ts";
import { watch } from "./cases/watch.ts";

watch("implicit matrix products", convolutionCases.gemmCases);
watch("Winograd", convolutionCases.winogradCases);
