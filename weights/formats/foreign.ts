/** What people save as weights instead of safetensors, and what to do then. */

const convert =
  "a PyTorch file: convert it with safetensors.torch.save_file(torch.load(FILE), 'vgg19.safetensors') in Python";

const kinds: readonly (readonly [start: string, what: string])[] = [
  ["PK\x03\x04", convert],
  ["\x80\x02", convert],
  ["\x80\x04", convert],
  ["<", "an HTML page: the download failed, get the file again"],
  ["version https://git-lfs", "a Git LFS pointer: fetch the file itself with git lfs pull"],
  ["\x89HDF", "an HDF5 file: weights must come as safetensors"],
  ["\x1f\x8b", "compressed with gzip: unpack it first"],
];

/** undefined where the first 64 bytes of a file (all, if it has fewer) may be those of a safetensors file. */
export function notSafetensors(start: Uint8Array): string | undefined {
  if (start.length === 0) return "empty";
  const text = Buffer.from(start).toString("latin1");
  if (text[8] === "{") return undefined; // the header's length before it may look like anything
  return kinds.find(([signature]) => text.trimStart().startsWith(signature))?.[1] ?? "of another kind";
}
