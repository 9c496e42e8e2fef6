/** The networks that can be had by name. Hashes are those that publishers and Git LFS pointers state. */
import type { PreprocessingName } from "./preprocessing.ts";

export interface ManifestEntry {
  /** What users write: `--weights vgg19`. */
  readonly name: string;
  /** One line on what it is and which look it gives. */
  readonly title: string;
  /** Tried in order; the file is the same at each. */
  readonly mirrors: readonly string[];
  /** Its name in the cache. */
  readonly file: string;
  /** Bytes, where they are known; otherwise the first mirror that answers is believed until the hash is checked. */
  readonly size?: number;
  /** Of the whole file, hexadecimal. */
  readonly sha256: string;
  /**
   * The first bytes of the file that hold all convolutions, where their hash is known: then no more than these are
   * fetched.
   */
  readonly convolutions?: { readonly bytes: number; readonly sha256: string };
  /** Where the file does not say it by itself. */
  readonly preprocessing?: PreprocessingName;
  /** What may be done with the weights. */
  readonly licence: string;
  /** Where they come from, for people. */
  readonly source: string;
}

export interface SizedEntry extends ManifestEntry {
  readonly size: number;
}

export const manifest: readonly ManifestEntry[] = [
  {
    name: "vgg19",
    title: "torchvision's VGG19: today's usual choice",
    mirrors: [
      "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
      "https://s3.amazonaws.com/pytorch/models/vgg19-dcbb9e9d.pth",
    ],
    file: "vgg19-dcbb9e9d.pth",
    size: 574_673_361,
    sha256: "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
    preprocessing: "torchvision",
    licence: "BSD-3-Clause (torchvision); the original model CC BY 4.0",
    source: "https://pytorch.org/vision/stable/models/vgg.html",
  },
  {
    name: "vgg19-caffe",
    title: "Oxford's own VGG19, converted from Caffe by Johnson: the network of the papers",
    mirrors: [
      "https://huggingface.co/spaces/AfrodreamsAI/afrodreams/resolve/8970ea4f6cc349d826137af0866565df84f0a0ed/vgg19-d01eb7cb.pth",
      "https://media.githubusercontent.com/media/JustyJump/cns/67e03b6a26d8e21de6525e0d2c2ba0783fc6209d/models/vgg19-d01eb7cb.pth",
    ],
    // Saved again by neural-style-pt under the name of Johnson's file, so its hash does not begin with d01eb7cb.
    file: "vgg19-d01eb7cb.pth",
    size: 574_679_411,
    sha256: "dd893d447ece014ad32d71b8d32b1e0b5c09b912a2866990c286fdeebd368d74",
    preprocessing: "caffe",
    licence: "CC BY 4.0 (Simonyan and Zisserman)",
    source: "https://github.com/jcjohnson/pytorch-vgg",
  },
  {
    name: "vgg19-timm",
    title: "torchvision's numbers as timm publishes them, in safetensors (575 MB)",
    mirrors: [
      "https://huggingface.co/timm/vgg19.tv_in1k/resolve/128d4708565b3a414bcbb9bbad440b2fe37b9f18/model.safetensors",
    ],
    file: "vgg19.tv_in1k.safetensors",
    sha256: "11aea017b543ff59233749d8f1cf544cda749378f5790d2fedab841fb86b7669",
    preprocessing: "torchvision",
    licence: "BSD-3-Clause",
    source: "https://huggingface.co/timm/vgg19.tv_in1k",
  },
  {
    name: "vgg19-normalised",
    title: "the same with each channel scaled to a mean activation of 1, convolutions only: a small download",
    mirrors: [
      "https://github.com/naoto0804/pytorch-AdaIN/releases/download/v0.0.0/vgg_normalised.pth",
      "https://huggingface.co/spaces/vkganesan/AdaIN/resolve/61b41295c02426bf996830eebf625370488c9758/vgg_normalised.pth",
    ],
    file: "vgg_normalised.pth",
    size: 80_102_481,
    sha256: "804ca2835ecf7539f0cd2a7ac3c18ce81e6f8468969ae7117ac0c148d286bb4a",
    licence: "academic and non-commercial use only, says its origin (github.com/leongatys/DeepTextures)",
    source: "https://github.com/naoto0804/pytorch-AdaIN",
  },
];

/** What becomes the default once it has been fetched. */
export const bestNetwork = manifest[0] as SizedEntry;

/**
 * The network of that name, if there is one.
 *
 * @example
 * import { findEntry } from "stylize/weights";
 * console.log(findEntry("vgg19")?.licence);
 */
export function findEntry(name: string): ManifestEntry | undefined {
  return manifest.find((entry) => entry.name === name);
}
