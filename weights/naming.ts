/** How files name VGG19's convolutions. */
import { type ConvLayer, vgg19 } from "../engine/network/vgg19.ts";
import type { TensorInfo } from "./formats/tensor-file.ts";

export interface Naming {
  /** As users see it. */
  readonly name: string;
  /** The layer's tensors are `<this>.weight` and `<this>.bias`. */
  readonly layerName: (layer: ConvLayer) => string;
  /** A 1x1 convolution in front of conv1_1 that does the preprocessing. */
  readonly input?: string;
}

/** torchvision's sequence, the names of the papers, and the sequence of Lua Torch, which counts input and padding layers. */
export const namings: readonly Naming[] = [
  { name: "features.N", layerName: ({ featuresIndex }) => `features.${featuresIndex}` },
  { name: "convB_I", layerName: ({ name }) => name },
  // each convolution stands behind its padding and in front of its ReLU; a pool stands between blocks
  { name: "N", layerName: (layer) => `${3 * vgg19.indexOf(layer) + layer.block + 2}`, input: "0" },
];

/** A naming as a file has it, with what stands before each name: "module." from DataParallel, "state_dict." in a checkpoint. */
export interface FoundNaming extends Naming {
  readonly prefix: string;
}

/** The namings under which `tensors` have one for the weight of `first`. */
export function findNamings(tensors: ReadonlyMap<string, TensorInfo>, first: ConvLayer): FoundNaming[] {
  return [...tensors.keys()].flatMap((name) =>
    namings.flatMap((naming) => {
      const ending = `${naming.layerName(first)}.weight`;
      if (!name.endsWith(ending)) return [];
      const prefix = name.slice(0, -ending.length);
      if (prefix !== "" && !prefix.endsWith(".")) return [];
      const { input } = naming;
      const isInput = (shape: readonly number[] | undefined) => shape?.join() === "3,3,1,1";
      if (input !== undefined && !isInput(tensors.get(`${prefix}${input}.weight`)?.shape)) return [];
      return [withPrefix(naming, prefix)];
    }),
  );
}

function withPrefix({ name, layerName, input }: Naming, prefix: string): FoundNaming {
  return {
    name,
    prefix,
    layerName: (layer) => prefix + layerName(layer),
    ...(input === undefined ? {} : { input: prefix + input }),
  };
}
