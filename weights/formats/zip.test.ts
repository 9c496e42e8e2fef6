import { describe, expect, it } from "vitest";
import { readAll, refusal, temporaryFolder } from "./testing/files.ts";
import { bytes, dict, pickle, storage, tensor, text, u64 } from "./testing/pickle.ts";
import { type TestEntry, type TestZip, torchEntries, zip } from "./testing/zip.ts";

const folder = temporaryFolder();

const object = pickle(dict(text("a"), tensor(storage("0", 2), 0, [2], [1])));
const [data, zero] = torchEntries(object, { 0: [1, 2] }) as [TestEntry, TestEntry];
const values = { a: [1, 2] };
const latin1 = (name: string, content: string): TestEntry => ({ name, data: bytes(content) });

/** A zip64 record of these numbers. */
const zip64 = (...numbers: bigint[]) => bytes("\x01\0", 8 * numbers.length, 0, ...numbers.map(u64));

describe("a zip archive is read", () => {
  it.each<[string, readonly TestEntry[], TestZip?]>([
    ["of one root", [data, zero]],
    ["with a comment that looks like its end", [data, zero], { comment: "PK\x05\x06".padEnd(50, "x") }],
    ["with the longest comment", [data, zero], { comment: "x".repeat(0xffff) }],
    ["with names that lead elsewhere", [latin1("../../etc/passwd", ""), ...rooted("..")]],
    ["with a folder", [latin1("archive/", ""), data, zero]],
    ["with sums that are none", [data, { ...zero, crc: 0 }]],
    ["with its byte order", [data, zero, latin1("archive/byteorder", "little")]],
    [
      "with zip64 numbers",
      [
        data,
        {
          ...zero,
          size: 0xffffffff,
          compressedSize: 0xffffffff,
          extra: bytes("\x0a\0\x01\0x", zip64(8n, 8n)),
        },
      ],
    ],
  ])("%s", async (_, entries, says) => {
    expect(await readAll(await folder.save(zip(entries, says)))).toEqual(values);
  });
});

function rooted(root: string): TestEntry[] {
  return [data, zero].map((entry) => ({ ...entry, name: entry.name.replace("archive", root) }));
}

const broken = (what: string) => `Expected a whole zip archive in 'F' but ${what}: get it again.`;
const nowhere = broken("its directory isn't where it says");
const asTorch = "Expected a zip archive as torch.save writes it in 'F' but its entry";

describe("a zip archive is refused", () => {
  it.each<[string, readonly TestEntry[], TestZip, string | RegExp]>([
    [
      "compressed",
      [{ ...data, method: 8 }, zero],
      {},
      `${asTorch} 'archive/data.pkl' is compressed: save it again with torch.save.`,
    ],
    [
      "with a compressed storage",
      [data, { ...zero, method: 8 }],
      {},
      `${asTorch} 'archive/data/0' is compressed: save it again with torch.save.`,
    ],
    [
      "encrypted",
      [{ ...data, flags: 1 }, zero],
      {},
      `${asTorch} 'archive/data.pkl' is encrypted: save it again with torch.save.`,
    ],
    ["without the pickle", [zero], {}, /but it is a zip archive that torch\.save didn't write\.$/],
    ["without a storage", [data], {}, broken("it lacks its storage '0'")],
    ["with an entry twice", [data, zero, zero], {}, broken("it has two entries 'archive/data/0'")],
    [
      "with a wrong sum of its pickle",
      [{ ...data, crc: 1 }, zero],
      {},
      broken("the checksum of its entry 'archive/data.pkl' is wrong"),
    ],
    [
      "with a wrong sum of a storage",
      [data, { ...zero, crc: 1 }],
      {},
      broken("the checksum of its entry 'archive/data/0' is wrong"),
    ],
    [
      "with a storage too short",
      [data, { ...zero, size: 4 }],
      {},
      broken("its storage '0' has 4 bytes where its pickle says 8"),
    ],
    [
      "with a storage of two sizes",
      [data, { ...zero, compressedSize: 4 }],
      {},
      broken("its entry 'archive/data/0' has two sizes"),
    ],
    [
      "with a pickle of 4 GB",
      [{ ...data, size: 0xfffffffe, compressedSize: 0xfffffffe }, zero],
      {},
      broken("its pickle has 4294967294 bytes"),
    ],
    [
      "with a pickle of 2^60 bytes",
      [{ ...data, size: 0xffffffff, compressedSize: 0xffffffff, extra: zip64(2n ** 60n, 2n ** 60n) }, zero],
      {},
      /its pickle has 1152921504606846976 bytes/,
    ],
    [
      "with a pickle beyond its end",
      [{ ...data, size: 1e6, compressedSize: 1e6 }, zero],
      {},
      /^Expected at least \d+ bytes in 'F' but it has \d+: it is cut short/,
    ],
    ["with an entry beyond its end", [data, { ...zero, headerAt: 1e9 }], {}, /it is cut short/],
    [
      "with an entry that is none",
      [data, { ...zero, headerAt: 1 }],
      {},
      broken("its entry 'archive/data/0' isn't where it says"),
    ],
    [
      "with two entries in one place",
      [data, { ...zero, headerAt: 0 }],
      {},
      broken("its entry 'archive/data/0' has two names"),
    ],
    [
      "with two names of an entry",
      [data, { ...zero, localName: "archive/data/1" }],
      {},
      broken("its entry 'archive/data/0' has two names"),
    ],
    [
      "with a header that is none",
      [data, { ...zero, signature: 0 }],
      {},
      broken("its entry 'archive/data/0' isn't where it says"),
    ],
    ["with a directory elsewhere", [data, zero], { directoryAt: 5 }, nowhere],
    ["with a huge directory", [data, zero], { directorySize: 0xfffffffe }, nowhere],
    ["with more entries than it has", [data, zero], { count: 3 }, broken("its directory's size is wrong")],
    ["with fewer entries than it has", [data, zero], { count: 1 }, broken("its directory's size is wrong")],
    ["with very many entries", [data, zero], { count: 0xffff }, broken("its directory's size is wrong")],
    [
      "big-endian",
      [data, zero, latin1("archive/byteorder", "big")],
      {},
      "Expected little-endian numbers in 'F' but its byte order is 'big': save it again on another machine.",
    ],
    [
      "of TorchScript",
      [data, zero, latin1("archive/constants.pkl", "")],
      {},
      /but it is a TorchScript program: save the state_dict\(\)/,
    ],
    ["of TorchScript's code", [latin1("archive/code/a.py", "")], {}, /but it is a TorchScript program/],
    [
      "of NumPy",
      [latin1("conv1_1.npy", "")],
      {},
      /but it is a NumPy \.npz archive: save the weights as safetensors/,
    ],
    ["of Keras", [latin1("model.weights.h5", "")], {}, /but it is a Keras archive/],
    [
      "around a file",
      [latin1("vgg19.pth", "")],
      {},
      /but it is a zip archive around the weights: unpack it first\.$/,
    ],
  ])("%s", async (_, entries, says, sentence) => {
    const path = await folder.save(zip(entries, says));
    await expect(readAll(path)).rejects.toMatchObject(refusal(path, sentence));
  });

  it("cut short", async () => {
    const path = await folder.save(zip([data, zero]).subarray(0, -1));
    await expect(readAll(path)).rejects.toMatchObject(
      refusal(path, broken("it is cut short before its directory")),
    );
  });
});
