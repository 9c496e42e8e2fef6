/** How files name the convolutions of a network of VGG19's shape. */
import { type ConvLayer, vgg19 } from "../engine/network/layers.ts";
import type { TensorInfo } from "./formats/tensor-file.ts";

/**
 * A naming as a file has it, with what stands before each name: "module." from DataParallel, "state_dict." in a
 * checkpoint.
 */
export interface FoundNaming {
  /** As users see it. */
  readonly name: string;
  readonly prefix: string;
  /** The layer's tensors are `<this>.weight` and `<this>.bias`. */
  readonly layerName: (layer: ConvLayer) => string;
  /** A 1x1 convolution in front of conv1_1 that does the preprocessing. */
  readonly input?: string;
  /** Of entry n of torchvision's sequence, where names count them. */
  readonly sequenceName?: (n: number) => string;
  /** Two names of one entry, where slices are counted each from 0: such files don't tell where their layers belong. */
  readonly ambiguous?: readonly [string, string];
}

/** The place of a convolution in torchvision's sequence, where a ReLU follows each and a pool each block. */
export const torchvisionIndex = ({ index, block }: ConvLayer): number => 2 * index + block;

/**
 * The place of a convolution in Lua Torch's sequence: behind its padding, in front of its ReLU; the input layer and
 * pools count.
 */
const luaIndex = ({ index, block }: ConvLayer): number => 3 * index + block + 2;

/** What the weight of a file's first convolution is expected to be called. */
export const firstNames = "features.0.weight, conv1_1.weight, slice1.0.weight or 0.weight";

/** The namings under which `tensors` have a first convolution. */
export function findNamings(tensors: ReadonlyMap<string, TensorInfo>): FoundNaming[] {
  return [...tensors.keys()].flatMap((name) => namingsFrom(name, tensors));
}

/** Those whose first convolution's weight is called `first`. */
function namingsFrom(first: string, tensors: ReadonlyMap<string, TensorInfo>): FoundNaming[] {
  const prefixBefore = (ending: string): string | undefined => {
    if (!first.endsWith(ending)) return undefined;
    const prefix = first.slice(0, -ending.length);
    return prefix === "" || prefix.endsWith(".") ? prefix : undefined;
  };
  const sequence = (name: string, prefix: string, sequenceName: (n: number) => string) => ({
    name,
    prefix,
    sequenceName,
    layerName: (layer: ConvLayer) => sequenceName(torchvisionIndex(layer)),
  });
  const features = prefixBefore("features.0.weight");
  if (features !== undefined) return [sequence("features.N", features, (n) => `${features}features.${n}`)];
  const papers = prefixBefore("conv1_1.weight");
  if (papers !== undefined)
    return [{ name: "convB_I", prefix: papers, layerName: ({ name }) => papers + name }];
  // perceptual losses often cut torchvision's sequence into slices
  const slices = prefixBefore("slice1.0.weight");
  if (slices !== undefined) {
    const { places, ambiguous } = sliceNames(slices, tensors);
    const found = sequence("sliceB.N", slices, (n) => places.get(n) ?? `${slices}sliceB.${n}`);
    return [ambiguous ? { ...found, ambiguous } : found];
  }
  const input = prefixBefore("0.weight");
  if (input === undefined) return [];
  const shape = tensors.get(first)!.shape;
  if (shape.join() === "3,3,1,1") {
    const layerName = (layer: ConvLayer) => `${input}${luaIndex(layer)}`;
    const isThere = tensors.has(`${layerName(vgg19[0]!)}.weight`);
    return isThere ? [{ name: "N", prefix: input, layerName, input: `${input}0` }] : [];
  }
  // a bare sequence: anything could be called so, but few have a 3x3 convolution of a picture there
  return shape.slice(1).join() === "3,3,3" ? [sequence("N", input, (n) => `${input}${n}`)] : [];
}

/** Where entry n of the sequence stands: `slice2.5`; and two such places, where one entry has them. */
function sliceNames(prefix: string, tensors: ReadonlyMap<string, TensorInfo>) {
  const places = new Map<number, string>();
  let ambiguous: [string, string] | undefined;
  for (const name of tensors.keys()) {
    const [, place, n] = name.startsWith(prefix)
      ? (/^(slice\d+\.(\d+))\.weight$/.exec(name.slice(prefix.length)) ?? [])
      : [];
    if (place === undefined) continue;
    const other = places.get(Number(n));
    if (other !== undefined) ambiguous ??= [other, prefix + place];
    else places.set(Number(n), prefix + place);
  }
  return { places, ambiguous };
}
