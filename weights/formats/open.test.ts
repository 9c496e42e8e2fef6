import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { openTensorFile } from "./open.ts";
import { refusal, temporaryFolder } from "./testing/files.ts";
import { bytes } from "./testing/pickle.ts";

const folder = temporaryFolder();

const notLatin = (text: string) => bytes(text, "\0".repeat(100));

describe("openTensorFile refuses", () => {
  it.each<[string, string | Uint8Array, string]>([
    ["nothing", "", "empty"],
    [
      "HTML",
      " \n<!DOCTYPE html><html>404</html>",
      "an HTML or XML page: the download failed, get the file again",
    ],
    ["an LFS pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "a Git LFS pointer"],
    ["JSON", '{"error": "gone"}', "a JSON text"],
    ["gzip", notLatin("\x1f\x8b\x08"), "compressed with gzip: unpack it first"],
    ["bzip2", notLatin("BZh91AY"), "compressed with bzip2"],
    ["xz", notLatin("\xfd7zXZ\0"), "compressed with xz"],
    ["zstd", notLatin("\x28\xb5\x2f\xfd"), "compressed with zstd"],
    ["7z", notLatin("7z\xbc\xaf\x27\x1c"), "a 7z archive"],
    [
      "HDF5",
      notLatin("\x89HDF\r\n\x1a\n"),
      "an HDF5 file (Keras?): save the weights as safetensors or with torch.save",
    ],
    ["MATLAB", notLatin("MATLAB 5.0 MAT-file, Platform: GLNXA64"), "a MATLAB file (MatConvNet?)"],
    ["NumPy", notLatin("\x93NUMPY\x01\0"), "a NumPy array"],
    ["ONNX", notLatin("\x08\x08\x12\x07pytorch\x1a\x051.9.0"), "an ONNX model"],
    ["Caffe, layers V1", notLatin("\x0a\x14VGG_ILSVRC_19_layers\x12\x30"), "a Caffe model"],
    ["Caffe, layers V2", notLatin("\x0a\x05VGG19\xa2\x06\x30"), "a Caffe model"],
    ["TensorFlow", notLatin("\0\0\x06\x08\x01\x1a\x02\x08\x01\0"), "the index of a TensorFlow checkpoint"],
    ["Torch7", notLatin("\x04\0\0\0\x01\0\0\0\x03\0\0\0V 1\x0d\0\0\0nn.Sequential"), "a Torch7 file of Lua"],
    [
      "tar",
      bytes("pickle".padEnd(257, "\0"), "ustar\0".padEnd(255, "\0")),
      "a tar archive: if torch.save made it, before 2017,",
    ],
    ["an empty zip", notLatin("PK\x05\x06"), "an empty zip archive"],
    ["noise", new Uint8Array(1000).fill(1), "of another kind"],
    ["a few letters", "abc", "of another kind"],
  ])("%s", async (_, content, what) => {
    const path = await folder.save(bytes(content));
    const start = `Expected a weights file (safetensors or PyTorch) but '${path}' is ${what}`;
    await expect(openTensorFile(path)).rejects.toMatchObject({
      name: "StylizeError",
      code: "bad-weights",
      message: expect.stringContaining(start),
    });
  });

  it("a missing file", async () => {
    const path = join(folder.path, "missing.safetensors");
    await expect(openTensorFile(path)).rejects.toMatchObject({
      code: "file-not-found",
      message: `Expected a weights file but there is no file '${path}'.`,
    });
  });

  it("a folder", async () => {
    const { path } = folder;
    await expect(openTensorFile(path)).rejects.toMatchObject(
      refusal(path, "Expected a weights file but 'F' is a folder."),
    );
  });

  it.skipIf(process.platform === "win32")("a pipe, without waiting for it", async () => {
    const path = join(folder.path, "pipe");
    await promisify(execFile)("mkfifo", [path]);
    await expect(openTensorFile(path)).rejects.toMatchObject(
      refusal(path, "Expected a weights file but 'F' is a device or pipe."),
    );
  });
});
