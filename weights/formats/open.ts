/** Opens files of weights, whatever their format. */
import type { ByteSource } from "./byte-source.ts";
import { badWeights } from "./errors.ts";
import { openFileSource } from "./file-source.ts";
import { foreignFile } from "./foreign.ts";
import { readSafetensors } from "./safetensors.ts";
import type { Format, TensorFile } from "./tensor-file.ts";
import { readTorchLegacy } from "./torch-legacy.ts";
import { readTorchZip } from "./torch-zip.ts";

const readers: Readonly<Record<Format, (source: ByteSource) => Promise<TensorFile>>> = {
  safetensors: readSafetensors,
  "torch-zip": readTorchZip,
  "torch-legacy": readTorchLegacy,
};

/** Enough to tell a tar archive. */
const START = 512;
/** Later protocols begin with their number. */
const MAGIC_IN_PROTOCOL_1 = "L119547037146038801333356L\n";

/**
 * Opens a file of weights and reads its directory of tensors; the format shows in its first bytes. The caller closes
 * it.
 *
 * Reads safetensors and what torch.save has written since 2017. No code in a file is run.
 * A file may lack its end, as long as its directory is whole; a zip archive's is its end.
 *
 * @throws StylizeError `file-not-found` or `bad-weights`, naming the file and what is wrong with it.
 */
export async function openTensorFile(path: string): Promise<TensorFile> {
  const source = await openFileSource(path);
  try {
    const start = await source.read(0, Math.min(source.size, START));
    const format = formatOf(start);
    if (format) return await readers[format](source);
    throw badWeights(
      `Expected a weights file (safetensors or PyTorch) but '${path}' is ${foreignFile(start)}.`,
    );
  } catch (error) {
    await source.close();
    throw error;
  }
}

function formatOf(start: Uint8Array): Format | undefined {
  const text = Buffer.from(start).toString("latin1");
  if (text[8] === "{") return "safetensors"; // the header's length before it may look like anything
  if (text.startsWith("PK\x03\x04")) return "torch-zip";
  const isPickle = start[0] === 0x80 && start[1]! >= 2 && start[1]! <= 5;
  if (isPickle || text.startsWith(MAGIC_IN_PROTOCOL_1)) return "torch-legacy";
  return undefined;
}
