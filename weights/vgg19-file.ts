/** VGG19 in a file: where its convolutions are, and their values. */
import { StylizeError } from "../engine/errors.ts";
import type { ConvWeights, Preprocessing } from "../engine/network/types.ts";
import { type ConvLayer, type ConvName, vgg19 } from "../engine/network/vgg19.ts";
import { isTorchvision } from "./fingerprint.ts";
import type { TensorFile } from "./formats/tensor-file.ts";
import { type FoundNaming, findNamings, namings } from "./naming.ts";
import { isPreprocessingName, preprocessingOf, preprocessings } from "./preprocessing.ts";

export interface DetectedPreprocessing {
  readonly preprocessing: Preprocessing;
  /** Completes "..., because". */
  readonly reason: string;
}

export interface Vgg19File {
  readonly naming: FoundNaming;
  /** From conv1_1 on without a gap; 16 if all are there. */
  readonly layers: readonly ConvLayer[];
}

/** Throws `bad-weights` where the file has no VGG19, or two. */
export function findVgg19(file: TensorFile): Vgg19File {
  const names = [...file.tensors.keys()];
  const [naming, other] = findNamings(file.tensors, vgg19[0]!);
  if (!naming) {
    const wanted = namings
      .filter(({ input }) => input === undefined)
      .map(({ layerName }) => `${layerName(vgg19[0]!)}.weight`)
      .join(" or ");
    const received = names.length === 0 ? "no tensor at all" : `'${names[0]}' and others`;
    throw bad(`Expected VGG19 with a tensor ${wanted} in '${file.path}' but it has ${received}.`);
  }
  const first = (found: FoundNaming) => `${found.layerName(vgg19[0]!)}.weight`;
  if (other)
    throw bad(
      `Expected one VGG19 in '${file.path}' but both '${first(naming)}' and '${first(other)}' begin one.`,
    );
  refuseRelatives(file, naming);
  const gap = vgg19.findIndex((layer) => !file.tensors.has(`${naming.layerName(layer)}.weight`));
  return { naming, layers: gap === -1 ? vgg19 : vgg19.slice(0, gap) };
}

/** Weights don't show what they were trained with; but torchvision's are known by their numbers, and people keep to a few habits of naming. */
export async function detectPreprocessing(
  file: TensorFile,
  naming: FoundNaming,
): Promise<DetectedPreprocessing> {
  const { torchvision, caffe } = preprocessings;
  if (naming.input !== undefined)
    return { preprocessing: await readInput(file, naming.input), reason: "its first layer does it" };
  const said = file.metadata.preprocessing;
  if (isPreprocessingName(said))
    return { preprocessing: preprocessings[said], reason: "its metadata says so" };
  if (isTorchvision(await readConvolutions(file, naming, vgg19.slice(0, 2))))
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

/** Networks that people mistake for VGG19: the same layers stand at other places of torchvision's sequence. */
function refuseRelatives({ path, tensors }: TensorFile, { name, prefix }: FoundNaming): void {
  if (name !== "features.N") return;
  const has = (n: number) => tensors.has(`${prefix}features.${n}.weight`);
  if (has(1))
    throw bad(
      `Expected VGG19 in '${path}' but it is a VGG with batch normalisation, which this engine has not.`,
    );
  if (has(17)) throw bad(`Expected VGG19 in '${path}' but it is VGG16.`);
}

/**
 * The weights (OIHW) and biases of `layers`.
 *
 * @throws StylizeError `bad-weights` for a tensor that is missing, of another shape, or not finite.
 */
export async function readConvolutions(
  file: TensorFile,
  naming: FoundNaming,
  layers: readonly ConvLayer[],
): Promise<Map<ConvName, ConvWeights>> {
  const named = layers.map((layer) => {
    const { inChannels, outChannels } = layer;
    const weight = `${naming.layerName(layer)}.weight`;
    const bias = `${naming.layerName(layer)}.bias`;
    checkShape(file, weight, [outChannels, inChannels, 3, 3]); // all before any is read
    checkShape(file, bias, [outChannels]);
    return { layer, weight, bias };
  });
  const result = new Map<ConvName, ConvWeights>();
  for (const { layer, weight, bias } of named) {
    result.set(layer.name, { weight: await readFinite(file, weight), bias: await readFinite(file, bias) });
  }
  return result;
}

function checkShape({ path, tensors }: TensorFile, name: string, expected: readonly number[]): void {
  const received = tensors.get(name)?.shape;
  if (!received) throw bad(`Expected a tensor '${name}' in '${path}' but it has none of that name.`);
  if (received.join() !== expected.join())
    throw bad(
      `Expected '${name}' of VGG19 in '${path}' to be [${expected.join(", ")}] but it is [${received.join(", ")}].`,
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
