/** A network of VGG19's shape in a file: where its convolutions are, how wide they are, and their values. */
import type { StylizeError } from "../engine/errors.ts";
import { areFinite } from "../engine/network/finite.ts";
import { type ConvLayer, type ConvName, MAX_CHANNELS, vgg19, vggLayers } from "../engine/network/layers.ts";
import type { ConvWeights, Preprocessing } from "../engine/network/types.ts";
import { badWeights, quoted } from "./formats/byte-source.ts";
import { lacking, type TensorFile } from "./formats/tensor-file.ts";
import { type FoundNaming, findNamings, firstNames } from "./naming.ts";
import { isPreprocessingName, isTorchvision, preprocessingOf, preprocessings } from "./preprocessing.ts";
import { neededLayers } from "./shipped.ts";

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

/**
 * Throws `bad-weights` where the file has no network of VGG19's shape, or two, or one of another. No values are read.
 */
export function findNetwork(file: TensorFile): NetworkFile {
  const [naming, other] = findNamings(file.tensors);
  if (!naming) throw noNetwork(file);
  const first = (found: FoundNaming) => found.layerName(vgg19[0]!);
  if (other)
    throw badWeights(
      `Expected one VGG19 in '${file.path}' but both ${quotedWeight(first(naming))} and ` +
        `${quotedWeight(first(other))} begin one.`,
    );
  const misfit = weightMisfit(file, first(naming), undefined);
  if (misfit !== undefined) throw badWeights(misfit); // what follows would call some other network a VGG
  refuseRelatives(file, naming);
  return { naming, layers: layersIn(file, naming) };
}

/** What is nearest to a first convolution is shown: often it is that of something else than a picture. */
function noNetwork({ path, tensors }: TensorFile): StylizeError {
  const names = [...tensors.keys()];
  const shown = names.find((name) => /(^|\.)0\.weight$/.test(name)) ?? names[0];
  const received =
    shown === undefined
      ? "no tensor at all"
      : `${quoted(shown)} [${tensors.get(shown)!.shape.join(", ")}]${names.length > 1 ? " and others" : ""}`;
  return badWeights(
    `Expected VGG19 with a first convolution [out, 3, 3, 3] called ${firstNames} in '${path}' but it has ${received}.`,
  );
}

/** Behind those that losses look at the table ends where a tensor does not fit: it may be none of the network's. */
function layersIn(file: TensorFile, naming: FoundNaming): readonly ConvLayer[] {
  const blocks: number[][] = [];
  let input: ConvInput | undefined;
  for (const layer of vgg19) {
    const name = naming.layerName(layer);
    const shape = file.tensors.get(`${name}.weight`)?.shape;
    if (!shape) break;
    const channels = shape[0]!;
    const misfit = weightMisfit(file, name, input) ?? shapeMisfit(file, `${name}.bias`, [channels]);
    if (misfit !== undefined && layer.index < neededLayers) throw badWeights(misfit);
    if (misfit !== undefined) break;
    blocks[layer.block] = [...(blocks[layer.block] ?? []), channels];
    input = { name, channels };
  }
  return vggLayers(blocks);
}

/** The layer in front of a convolution. */
interface ConvInput {
  readonly name: string;
  readonly channels: number;
}

/** What is wrong with a layer's weight, whose input is a picture where `input` is undefined. */
function weightMisfit(
  { path, tensors }: TensorFile,
  layer: string,
  input: ConvInput | undefined,
): string | undefined {
  const { shape } = tensors.get(`${layer}.weight`)!;
  const [out = 0, ...rest] = shape;
  const inChannels = input?.channels ?? 3;
  if (out >= 1 && out <= MAX_CHANNELS && rest.join() === `${inChannels},3,3`) return undefined;
  const source = input ? `the channels of ${quoted(input.name)}` : "a picture's colours";
  return (
    `Expected ${quotedWeight(layer)} in '${path}' to be [out, ${inChannels}, 3, 3], from ${source} ` +
    `to 1 to ${MAX_CHANNELS} of its own, ` +
    `but it is [${shape.join(", ")}].`
  );
}

const quotedWeight = (layer: string): string => quoted(`${layer}.weight`);

/** The same with no more layers than the losses look at. Throws `bad-weights` where the file has not so many. */
export function neededOf({ path }: TensorFile, { naming, layers }: NetworkFile): NetworkFile {
  const missing = vgg19[layers.length];
  if (layers.length < neededLayers && missing)
    throw badWeights(lacking(path, `${naming.layerName(missing)}.weight`));
  return { naming, layers: layers.slice(0, neededLayers) };
}

/** "32 to 256 channels", of those that layers give. */
export function widthsOf(channels: readonly number[]): string {
  const [least, most] = [Math.min(...channels), Math.max(...channels)];
  return `${least === most ? "" : `${least} to `}${most} ${most === 1 ? "channel" : "channels"}`;
}

/** Whether the layers are as wide as VGG19's. */
export const isVgg19 = (layers: readonly ConvLayer[]): boolean =>
  layers.every(({ outChannels, index }) => outChannels === vgg19[index]!.outChannels);

/**
 * Weights don't show what they were trained with; but torchvision's are known by their numbers, and people keep to a
 * few habits of naming.
 */
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
  const misfit = shapeMisfit(file, `${name}.bias`, [3]);
  if (misfit !== undefined) throw badWeights(misfit);
  const read = async (tensor: string) => finite(file, tensor, await file.read(tensor));
  const [weight, bias] = [await read(`${name}.weight`), await read(`${name}.bias`)];
  const preprocessing = preprocessingOf(weight, bias);
  const isHeld = (value: number) => Number.isFinite(Math.fround(value));
  if (preprocessing && ![...preprocessing.mean, ...preprocessing.std].every(isHeld))
    throw badWeights(
      `Expected ${quoted(name)} of '${file.path}' to scale colours by more than it does: they would vanish.`,
    );
  if (preprocessing) return preprocessing;
  throw badWeights(
    `Expected ${quoted(name)} of '${file.path}' to scale and order the colours and no more, but it mixes them.`,
  );
}

/**
 * Networks that people mistake for VGG19, by entries of torchvision's sequence that have weights there; VGG19 has no
 * weights in one of them.
 */
const relatives: readonly (readonly [name: string, entries: readonly number[]])[] = [
  ["VGG11", [0, 3, 6]],
  ["VGG13", [0, 2, 5, 15]],
  ["VGG16", [0, 2, 5, 14, 17]],
];

/** The same by the papers' names: the first that is missing, and the one behind it. */
const namedRelatives: readonly (readonly [name: string, missing: ConvName, next: ConvName])[] = [
  ["VGG11", "conv1_2", "conv2_1"],
  ["VGG13", "conv3_3", "conv4_1"],
  ["VGG16", "conv3_4", "conv4_1"],
];

function refuseRelatives({ path, tensors }: TensorFile, naming: FoundNaming): void {
  const { prefix, layerName, sequenceName, ambiguous } = naming;
  if (ambiguous)
    throw badWeights(
      `Expected slices that count on from each other in '${path}' but both ` +
        `${quotedWeight(ambiguous[0])} and ${quotedWeight(ambiguous[1])} are there.`,
    );
  const has = (name: string) => tensors.has(`${name}.weight`);
  const hasLayer = (name: ConvName) => has(layerName(vgg19.find((layer) => layer.name === name)!));
  const hasNorms = sequenceName
    ? has(sequenceName(1)) && (has(sequenceName(3)) || has(sequenceName(4)))
    : has(`${prefix}bn1_1`);
  if (hasNorms)
    throw badWeights(
      `Expected VGG19 in '${path}' but it is a VGG with batch normalisation, which this engine has not.`,
    );
  const [relative] =
    (sequenceName
      ? relatives.find(([, entries]) => entries.every((entry) => has(sequenceName(entry))))
      : namedRelatives.find(([, missing, next]) => !hasLayer(missing) && hasLayer(next))) ?? [];
  if (relative !== undefined) throw badWeights(`Expected VGG19 in '${path}' but it is ${relative}.`);
}

/**
 * The weights (OIHW) and biases of `layers`.
 *
 * @throws StylizeError `bad-weights` for a tensor that is no float, cut short, or not finite.
 */
export async function readConvolutions(
  file: TensorFile,
  found: NetworkFile,
): Promise<Map<ConvName, ConvWeights>> {
  const convolutions = await readUnchecked(file, found);
  requireFinite(file, found, convolutions);
  return convolutions;
}

/** The same, be they finite or not: for who looks at each number anyway. */
export async function readUnchecked(
  file: TensorFile,
  { naming, layers }: NetworkFile,
): Promise<Map<ConvName, ConvWeights>> {
  const result = new Map<ConvName, ConvWeights>();
  for (const layer of layers) {
    const name = naming.layerName(layer);
    const weight = await file.read(`${name}.weight`);
    result.set(layer.name, { weight, bias: await file.read(`${name}.bias`) });
  }
  return result;
}

/** Throws `bad-weights` where one of `convolutions`, which were read from the file, is not finite. */
export function requireFinite(
  file: TensorFile,
  { naming, layers }: NetworkFile,
  convolutions: ReadonlyMap<ConvName, ConvWeights>,
): void {
  for (const layer of layers) {
    const { weight, bias } = convolutions.get(layer.name)!;
    const name = naming.layerName(layer);
    finite(file, `${name}.weight`, weight);
    finite(file, `${name}.bias`, bias);
  }
}

/** What is wrong with a tensor that has to have this shape. */
function shapeMisfit(
  { path, tensors }: TensorFile,
  name: string,
  expected: readonly number[],
): string | undefined {
  const received = tensors.get(name)?.shape;
  if (!received) return lacking(path, name);
  if (received.join() === expected.join()) return undefined;
  return `Expected ${quoted(name)} in '${path}' to be [${expected.join(", ")}] but it is [${received.join(", ")}].`;
}

/** `values`, which were read as the tensor `name`. */
function finite(file: TensorFile, name: string, values: Float32Array): Float32Array {
  if (areFinite(values)) return values;
  throw badWeights(
    `Expected finite numbers in ${quoted(name)} of '${file.path}' but it holds NaN or infinity.`,
  );
}
