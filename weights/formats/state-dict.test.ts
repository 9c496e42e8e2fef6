import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { openTensorFile } from "./open.ts";
import { readAll, temporaryFolder } from "./testing/files.ts";
import { bytes, dict, int, list, pickle, storage, tensor, text, tuple } from "./testing/pickle.ts";
import { torchEntries, zip } from "./testing/zip.ts";

const folder = temporaryFolder();

describe("a tensor", () => {
  const refused = async (shape: number[], strides: number[], offset: number, elements: number) => {
    const object = dict(text("a"), tensor(storage("0", elements), offset, shape, strides));
    const path = await folder.save(zip(torchEntries(pickle(object), { 0: Array(6).fill(1) })));
    return await readAll(path).then(
      () => "read",
      (error) => error.message.replace(path, "F"),
    );
  };
  const wrong = (what: string) =>
    `Expected a state dict in 'F' but its pickle makes ${what} from wrong arguments: it is damaged, get it again.`;

  it.each<[string, number[], number[], number]>([
    ["by its offset", [6], [1], 1],
    ["by its shape", [7], [1], 0],
    ["by its strides", [2, 2], [5, 1], 1],
    ["by far", [2 ** 31 - 1, 2 ** 31 - 1], [2 ** 31 - 1, 2 ** 31 - 1], 0],
  ])("that reaches beyond its storage %s is refused", async (_, shape, strides, offset) => {
    expect(await refused(shape, strides, offset, 6)).toBe(wrong("a tensor that reaches beyond its storage"));
  });

  it.each<[string, number[], number[], number]>([
    ["a negative offset", [1], [1], -1],
    ["a negative stride", [2], [-1], 1],
    ["a negative shape", [-1], [1], 0],
    ["more shape than strides", [1, 1], [1], 0],
    ["65 dimensions", Array(65).fill(1), Array(65).fill(1), 0],
  ])("of %s is refused", async (_, shape, strides, offset) => {
    expect(await refused(shape, strides, offset, 6)).toBe(wrong("a tensor"));
  });

  it("of a storage of another size than its bytes is refused", async () => {
    expect(await refused([1], [1], 0, 5)).toMatch(
      /its storage '0' has 24 bytes where its pickle says 20: get it again\.$/,
    );
  });

  it("that a few bytes expand without end is refused when it is read", async () => {
    expect(await refused([100_000, 100_000], [0, 0], 0, 6)).toBe(
      "Expected at most 268435456 elements in 2147483648 bytes for 'a' in 'F' but it has 10000000000 in 4.",
    );
  });

  it("reads only what it covers", async () => {
    const object = dict(text("a"), tensor(storage("0", 9), 3, [2, 2], [1, 2]));
    const path = await folder.save(zip(torchEntries(pickle(object), { 0: [0, 1, 2, 3, 4, 5, 6, 7, 8] })));
    await using file = await openTensorFile(path);
    const { begin, end } = file.tensors.get("a")!;
    expect([
      ...new Float32Array(Uint8Array.from((await readFile(path)).subarray(begin, end)).buffer),
    ]).toEqual([3, 4, 5, 6]);
    expect([...(await file.read("a"))]).toEqual([3, 5, 4, 6]);
  });
});

describe("a checkpoint", () => {
  const one = tensor(storage("0", 1), 0, [1], [1]);
  const load = async (object: Uint8Array) => {
    const path = await folder.save(zip(torchEntries(pickle(object), { 0: [7] })));
    return await readAll(path).catch((error) => error.message.replace(path, "F"));
  };

  it("names tensors by the keys that lead to them", async () => {
    const object = dict(text("a"), dict(int(1), one, text("b"), list(one, "N", tuple(one))), text(""), one);
    expect(await load(object)).toEqual({ "a.1": [7], "a.b.0": [7], "a.b.2.0": [7], "": [7] });
  });

  it("takes the last of two values of a key", async () => {
    expect(await load(dict(text("a"), int(1), text("a"), one, text("b"), one, text("b"), "N"))).toEqual({
      a: [7],
    });
  });

  it("keeps names that objects have of themselves", async () => {
    const names = ["__proto__", "constructor", "toString"];
    const path = await folder.save(
      zip(torchEntries(pickle(dict(...names.flatMap((name) => [text(name), one]))), { 0: [7] })),
    );
    await using file = await openTensorFile(path);
    expect([...file.tensors.keys()]).toEqual(names);
    expect([...(await file.read("__proto__"))]).toEqual([7]);
    await expect(file.read("hasOwnProperty")).rejects.toMatchObject({ code: "bad-weights" });
  });

  it("that holds itself is read once", async () => {
    expect(await load(bytes("}q\0(", text("a"), one, text("self"), "h\0", "u"))).toEqual({ a: [7] });
    expect(await load(bytes("]q\0(", one, "h\0", "e"))).toEqual({ 0: [7] });
  });

  it("with two tensors of one name is refused", async () => {
    expect(await load(dict(text("a.b"), one, text("a"), dict(text("b"), one)))).toBe(
      "Expected a state dict in 'F' but it has two tensors 'a.b'.",
    );
  });

  it("without tensors is empty", async () => {
    expect(await load(dict(text("epoch"), int(3)))).toEqual({});
  });

  it("has no say in what our sentences do to a terminal", async () => {
    const name = "\u001b[2J\u202e\n";
    expect(await load(dict(text(`a${name}.b`), one, text(`a${name}`), dict(text("b"), one)))).toBe(
      "Expected a state dict in 'F' but it has two tensors 'a\ufffd[2J\ufffd\ufffd.b'.",
    );
  });
});
