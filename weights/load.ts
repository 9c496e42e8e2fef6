/** Networks from files: VGG19's convolutions under the names that people's files have. */
import { basename } from "node:path";
import { StylizeError } from "../engine/errors.ts";
import { type ConvWeights, type Network, torchvisionPreprocessing } from "../engine/network/types.ts";
import { type ConvLayer, type ConvName, type ReluName, truncated } from "../engine/network/vgg19.ts";
import { vgg19Defaults } from "./defaults.ts";
import { openSafetensors, type SafetensorsFile } from "./safetensors.ts";

/** How files name a layer: torchvision's sequence, or the papers' names; both as saved from `DataParallel`, too. */
const namings: readonly ((layer: ConvLayer) => string)[] = [
  ({ featuresIndex }) => `features.${featuresIndex}`,
  ({ name }) => name,
  ({ featuresIndex }) => `module.features.${featuresIndex}`,
  ({ name }) => `module.${name}`,
];

/**
 * Loads VGG19's convolutions from a safetensors file, as far as the losses look; other tensors are not read.
 *
 * Weights are [out][in][3][3] under `features.N.weight` or `convB_I.weight`, biases [out], for pictures with torchvision's preprocessing.
 *
 * @throws StylizeError `file-not-found` or `bad-weights`, naming the file and what is wrong with it.
 */
export async function loadNetwork(path: string): Promise<Network> {
  const { contentLayers, styleLayers } = vgg19Defaults;
  const wanted = truncated([...Object.keys(contentLayers), ...Object.keys(styleLayers)] as ReluName[]);
  const file = await openSafetensors(path);
  try {
    const nameOf = namingOf(file, wanted[0]!);
    const layers = new Map<ConvName, ConvWeights>();
    for (const layer of wanted) {
      const { outChannels, inChannels } = layer;
      const weight = await readTensor(file, `${nameOf(layer)}.weight`, [outChannels, inChannels, 3, 3]);
      const bias = await readTensor(file, `${nameOf(layer)}.bias`, [outChannels]);
      layers.set(layer.name, { weight, bias });
    }
    return {
      name: `vgg19 from ${basename(path)}`,
      preprocessing: torchvisionPreprocessing,
      layers,
      defaults: vgg19Defaults,
    };
  } finally {
    await file.close();
  }
}

function namingOf(file: SafetensorsFile, first: ConvLayer): (layer: ConvLayer) => string {
  const naming = namings.find((nameOf) => file.tensors.has(`${nameOf(first)}.weight`));
  if (naming) return naming;
  const wanted = namings.map((nameOf) => `${nameOf(first)}.weight`).join(" or ");
  const [some] = file.tensors.keys();
  const received = some === undefined ? "no tensor at all" : `'${some}' and others`;
  throw new StylizeError(
    "bad-weights",
    `Expected VGG19 with a tensor ${wanted} in '${file.path}' but it has ${received}.`,
  );
}

async function readTensor(
  file: SafetensorsFile,
  name: string,
  shape: readonly number[],
): Promise<Float32Array> {
  const received = file.tensors.get(name)?.shape;
  if (received && received.join() !== shape.join()) {
    throw new StylizeError(
      "bad-weights",
      `Expected '${name}' of VGG19 in '${file.path}' to be [${shape.join(", ")}] but it is [${received.join(", ")}].`,
    );
  }
  const values = await file.read(name);
  if (values.every(Number.isFinite)) return values;
  throw new StylizeError(
    "bad-weights",
    `Expected finite numbers in '${name}' of '${file.path}' but it holds NaN or infinity.`,
  );
}
