/** A network of VGG19's shape in a file: where its convolutions are, how wide they are, and their values. */
import { StylizeError } from "../engine/errors.ts";
import { type ConvLayer, type ConvName, vgg19, vggLayers } from "../engine/network/layers.ts";
import type { ConvWeights, Preprocessing } from "../engine/network/types.ts";
import { neededLayers } from "./defaults.ts";
import { isTorchvision } from "./fingerprint.ts";
import type { TensorFile } from "./formats/tensor-file.ts";
import { type FoundNaming, findNamings, firstNames } from "./naming.ts";
import { isPreprocessingName, preprocessingOf, preprocessings } from "./preprocessing.ts";

export interface DetectedPreprocessing {
  readonly preprocessing: Preprocessing;
  /** Completes "..., because". */
  readonly reason: string;
}

export interface NetworkFile {
  readonly naming: FoundNaming;
  /** From conv1_1 on without a gap, as wide as the file's tensors are; 16 if all are there. */
  readonly layers: readonly ConvLayer[];
}

/** Throws `bad-weights` where the file has no network of VGG19's shape, or two, or one of another. */
export function findNetwork(file: TensorFile): NetworkFile {
  const names = [...file.tensors.keys()];
  const [naming, other] = findNamings(file.tensors);
  if (!naming) {
    const received = names.length === 0 ? "no tensor at all" : `'${names[0]}' and others`;
    throw bad(`Expected VGG19 with a tensor ${firstNames} in '${file.path}' but it has ${received}.`);
  }
  const first = (found: FoundNaming) => `${found.layerName(vgg19[0]!)}.weight`;
  if (other)
    throw bad(
      `Expected one VGG19 in '${file.path}' but both '${first(naming)}' and '${first(other)}' begin one.`,
    );
  refuseRelatives(file, naming);
  const blocks: number[][] = [];
  for (const layer of vgg19) {
    const shape = file.tensors.get(`${naming.layerName(layer)}.weight`)?.shape;
    if (!shape) break;
    blocks[layer.block] = [...(blocks[layer.block] ?? []), shape[0] ?? 0];
  }
  return { naming, layers: vggLayers(blocks) };
}

/** The same with no more layers than the losses look at. Throws `bad-weights` where the file has not so many. */
export function neededOf({ path }: TensorFile, { naming, layers }: NetworkFile): NetworkFile {
  const missing = vgg19[layers.length];
  if (layers.length < neededLayers && missing)
    throw bad(
      `Expected a tensor '${naming.layerName(missing)}.weight' in '${path}' but it has none of that name.`,
    );
  return { naming, layers: layers.slice(0, neededLayers) };
}

/** Whether the layers are as wide as VGG19's. */
export const isVgg19 = (layers: readonly ConvLayer[]): boolean =>
  layers.every(({ outChannels, index }) => outChannels === vgg19[index]!.outChannels);

/** Weights don't show what they were trained with; but torchvision's are known by their numbers, and people keep to a few habits of naming. */
export async function detectPreprocessing(
  file: TensorFile,
  { naming, layers }: NetworkFile,
): Promise<DetectedPreprocessing> {
  const { torchvision, caffe } = preprocessings;
  if (naming.input !== undefined)
    return { preprocessing: await readInput(file, naming.input), reason: "its first layer does it" };
  const said = file.metadata.preprocessing;
  if (isPreprocessingName(said))
    return { preprocessing: preprocessings[said], reason: "its metadata says so" };
  if (!isVgg19(layers)) return { preprocessing: torchvision, reason: "it is the usual one: it may be wrong" };
  if (isTorchvision(await readConvolutions(file, { naming, layers: layers.slice(0, 2) })))
    return { preprocessing: torchvision, reason: "its first layers are torchvision's" };
  if (naming.name === "convB_I")
    return { preprocessing: caffe, reason: "names such as conv1_1 come from Oxford's Caffe model" };
  // Johnson's conversion counts its layers otherwise than torchvision, where 0, 3 and 6 have weights.
  if ([...file.tensors.keys()].some((name) => /(^|\.)classifier\.[14]\.weight$/.test(name)))
    return { preprocessing: caffe, reason: "a classifier.1 or classifier.4 comes from a Caffe conversion" };
  return {
    preprocessing: torchvision,
    reason: "its tensors are named as torchvision's, although its numbers are others: it may be wrong",
  };
}

async function readInput(file: TensorFile, name: string): Promise<Preprocessing> {
  checkShape(file, `${name}.bias`, [3]);
  const [weight, bias] = [await readFinite(file, `${name}.weight`), await readFinite(file, `${name}.bias`)];
  const preprocessing = preprocessingOf(weight, bias);
  if (preprocessing) return preprocessing;
  throw bad(
    `Expected '${name}' of '${file.path}' to scale and order the colours and no more, but it mixes them.`,
  );
}

/** Networks that people mistake for VGG19, by an entry of torchvision's sequence with weights where VGG19 has none. */
const relatives: readonly (readonly [entry: number, name: string])[] = [
  [1, "a VGG with batch normalisation, which this engine has not"],
  [3, "VGG11"],
  [15, "VGG13"],
  [17, "VGG16"],
];

function refuseRelatives(
  { path, tensors }: TensorFile,
  { prefix, layerName, sequenceName }: FoundNaming,
): void {
  const has = (name: string | undefined) => tensors.has(`${name}.weight`);
  const found = sequenceName && relatives.find(([entry]) => has(sequenceName(entry)));
  if (found) throw bad(`Expected VGG19 in '${path}' but it is ${found[1]}.`);
  if (sequenceName) return;
  if (has(`${prefix}bn1_1`)) throw bad(`Expected VGG19 in '${path}' but it is ${relatives[0]![1]}.`);
  const [conv3_3, conv3_4, conv4_1] = [6, 7, 8].map((index) => layerName(vgg19[index]!));
  if (has(conv3_3) && !has(conv3_4) && has(conv4_1))
    throw bad(`Expected VGG19 in '${path}' but it is VGG16.`);
}

/**
 * The weights (OIHW) and biases of `layers`.
 *
 * @throws StylizeError `bad-weights` for a tensor that is missing, of another shape, or not finite.
 */
export async function readConvolutions(
  file: TensorFile,
  { naming, layers }: NetworkFile,
): Promise<Map<ConvName, ConvWeights>> {
  checkShapes(file, { naming, layers });
  const result = new Map<ConvName, ConvWeights>();
  for (const layer of layers) {
    const name = naming.layerName(layer);
    const weight = await readFinite(file, `${name}.weight`);
    result.set(layer.name, { weight, bias: await readFinite(file, `${name}.bias`) });
  }
  return result;
}

/** Whether the tensors of `layers` are such, by the file's directory. Throws `bad-weights`. */
export function checkShapes(file: TensorFile, { naming, layers }: NetworkFile): void {
  for (const layer of layers) {
    const { inChannels, outChannels } = layer;
    checkShape(file, `${naming.layerName(layer)}.weight`, [outChannels, inChannels, 3, 3]);
    checkShape(file, `${naming.layerName(layer)}.bias`, [outChannels]);
  }
}

function checkShape({ path, tensors }: TensorFile, name: string, expected: readonly number[]): void {
  const received = tensors.get(name)?.shape;
  if (!received) throw bad(`Expected a tensor '${name}' in '${path}' but it has none of that name.`);
  if (received.join() !== expected.join())
    throw bad(
      `Expected '${name}' in '${path}' to be [${expected.join(", ")}] but it is [${received.join(", ")}].`,
    );
}

async function readFinite(file: TensorFile, name: string): Promise<Float32Array> {
  const values = await file.read(name);
  if (values.every(Number.isFinite)) return values;
  throw bad(`Expected finite numbers in '${name}' of '${file.path}' but it holds NaN or infinity.`);
}

function bad(message: string): StylizeError {
  return new StylizeError("bad-weights", message);
}
