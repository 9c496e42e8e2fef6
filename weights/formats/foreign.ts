/** Files that people take for weights: what they are, and what to do then. */

const save = "save the weights as safetensors or with torch.save";

/** Starts of files, as latin1. */
const starts: readonly (readonly [start: string, what: string])[] = [
  ["<", "an HTML or XML page: the download failed, get the file again"],
  ["version https://git-lfs", "a Git LFS pointer: fetch the file itself with git lfs pull"],
  ["{", "a JSON text: the download failed or this is only the index of the weights, get the file itself"],
  ["\x1f\x8b", "compressed with gzip: unpack it first"],
  ["BZh", "compressed with bzip2: unpack it first"],
  ["\xfd7zXZ\0", "compressed with xz: unpack it first"],
  ["\x28\xb5\x2f\xfd", "compressed with zstd: unpack it first"],
  ["7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"],
  ["Rar!\x1a\x07", "a RAR archive: unpack it first"],
  ["MATLAB ", `a MATLAB file (MatConvNet?): ${save}`],
  ["\x89HDF", `an HDF5 file (Keras?): ${save}`],
  ["\x93NUMPY", `a NumPy array: ${save}`],
  ["GGUF", `a GGUF file: ${save}`],
  ["\x04\0\0\0\x01\0\0\0\x03\0\0\0V 1", `a Torch7 file of Lua: ${save}`],
  ["\x03\0\0\0\x01\0\0\0", `a Torch7 file of Lua: ${save}`],
  ["PK\x05\x06", "an empty zip archive"],
];

/** The first bytes of a file (512, or all if it has fewer) that is neither safetensors nor PyTorch's. */
export function foreignFile(start: Uint8Array): string {
  const text = Buffer.from(start).toString("latin1");
  if (text === "") return "empty";
  const known = starts.find(([signature]) => text.trimStart().startsWith(signature));
  if (known) return known[1];
  if (isTar(text))
    return (
      "a tar archive: if torch.save made it, before 2017, load it with torch.load and save it " +
      "again; else unpack it first"
    );
  if (isOnnx(text)) return `an ONNX model: ${save}`;
  if (isCaffe(text)) return `a Caffe model: ${save}`;
  if (isTensorFlowIndex(text)) return `the index of a TensorFlow checkpoint: ${save}`;
  return "of another kind";
}

/** The magic of POSIX tar, behind the first file's name and numbers. */
function isTar(text: string): boolean {
  return text.startsWith("ustar", 257);
}

/** Protocol buffers: field 1, the version, below 32; field 2, the producer's name. */
function isOnnx(text: string): boolean {
  return text.startsWith("\x08") && text.charCodeAt(1) < 32 && isNameField(text.slice(2), "\x12");
}

/** Protocol buffers: field 1, the network's name; then a layer, field 2 or 100. */
function isCaffe(text: string): boolean {
  const rest = text.slice(2 + text.charCodeAt(1));
  return isNameField(text, "\x0a") && (rest.startsWith("\x12") || rest.startsWith("\xa2\x06"));
}

/** `tag`, a length below 128, that many printable characters. */
function isNameField(text: string, tag: string): boolean {
  const length = text.charCodeAt(1);
  const name = text.slice(2, 2 + length);
  return text.startsWith(tag) && length < 128 && name.length === length && /^[ -~]+$/.test(name);
}

/** The first record of the table: an empty key, then a header that counts the shards and names version 1. */
function isTensorFlowIndex(text: string): boolean {
  return text.startsWith("\0\0") && text[3] === "\x08" && text.slice(5, 16).includes("\x1a\x02\x08\x01");
}

/** What a zip archive with these entries is, none of them the pickle of a state dict. */
export function foreignArchive(names: readonly string[]): string {
  const has = (pattern: RegExp) => names.some((name) => pattern.test(name));
  if (has(/^[^/]+\/(constants\.pkl|code\/)/))
    return "a TorchScript program: save the state_dict() of the model it was made from, or of torch.jit.load(FILE)";
  if (has(/\.npy$/)) return `a NumPy .npz archive: ${save}`;
  if (has(/\.weights\.h5$/)) return `a Keras archive: ${save}`;
  if (has(/\.(pth?|ckpt|safetensors)$/)) return "a zip archive around the weights: unpack it first";
  return "a zip archive that torch.save didn't write";
}
