import { writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { openTensorFile } from "./open.ts";
import { readAll, refusal, temporaryFolder } from "./testing/files.ts";
import {
  bytes,
  dict,
  int,
  legacyFile,
  list,
  pickle,
  storage,
  tensor,
  text,
  tuple,
} from "./testing/pickle.ts";

const folder = temporaryFolder();

describe("a legacy file", () => {
  const two = dict(
    ...[text("a"), tensor(storage("1", 2), 0, [2], [1])],
    ...[text("b"), tensor(storage("0", 3), 0, [3], [1])],
  );
  const values = { 0: [1, 2, 3], 1: [4, 5] };

  it("may lack its end: tensors before that are read", async () => {
    const path = await folder.save(legacyFile(pickle(two), values).subarray(0, -1));
    await using file = await openTensorFile(path);
    expect([...(await file.read("b"))]).toEqual([1, 2, 3]);
    await expect(file.read("a")).rejects.toMatchObject(
      refusal(path, /^Expected at least \d+ bytes in 'F' but it has \d+: it is cut short, get it again\.$/),
    );
  });

  it("whose storages have other counts is refused", async () => {
    const path = await folder.save(legacyFile(pickle(two), values, ({ length }) => BigInt(length + 1)));
    await expect(readAll(path)).rejects.toMatchObject(
      refusal(path, "Expected 2 elements in storage '1' of 'F' but it says 3: it is damaged, get it again."),
    );
  });

  it.each<[string, Record<string, number[]>]>([
    ["lacks a storage", { 0: [1, 2, 3] }],
    ["has one more", { ...values, 2: [1] }],
  ])("whose list %s is refused", async (_, storages) => {
    const path = await folder.save(legacyFile(pickle(two), storages));
    await expect(readAll(path)).rejects.toMatchObject(
      refusal(
        path,
        /^Expected a state dict in 'F' but its list of storages isn't that of its tensors: it is damaged/,
      ),
    );
  });

  it("with views of a storage is read", async () => {
    const view = (key: string, begin: number, elements: number) =>
      storage("0", 6, tuple(text(key), int(begin), int(elements)));
    const object = dict(
      ...[text("a"), tensor(view("1", 1, 4), 1, [3], [1])],
      ...[text("b"), tensor(storage("0", 6, bytes("N")), 0, [2], [5])],
    );
    const path = await folder.save(legacyFile(pickle(object), { 0: [0, 1, 2, 3, 4, 5] }));
    expect(await readAll(path)).toEqual({ a: [2, 3, 4], b: [0, 5] });
  });

  it("whose pickles are longer than the first read is read", async () => {
    const long = list(...Array.from({ length: 300 }, () => text("x".repeat(1000))));
    const object = dict(text("a"), tensor(storage("0", 1), 0, [1], [1]), text("notes"), long);
    const path = await folder.save(legacyFile(pickle(object), { 0: [7] }));
    expect(await readAll(path)).toEqual({ a: [7] });
  });

  it("of another protocol is refused", async () => {
    const file = legacyFile(pickle("}"));
    file[file.indexOf(0xe9)]!++;
    const path = await folder.save(file);
    await expect(openTensorFile(path)).rejects.toMatchObject(
      refusal(path, "Expected a state dict in 'F' but its protocol is not 1001, the only one there is."),
    );
  });

  it("that is another pickle is refused", async () => {
    const path = await folder.save(pickle(dict(text("a"), int(1))));
    await expect(openTensorFile(path)).rejects.toMatchObject(
      refusal(path, "Expected a state dict in 'F' but it is a pickle that torch.save didn't write."),
    );
  });

  it("that shrinks while it is open is refused", async () => {
    const path = await folder.save(
      legacyFile(pickle(dict(text("a"), tensor(storage("0", 4), 0, [4], [1]))), { 0: [1, 2, 3, 4] }),
    );
    await using file = await openTensorFile(path);
    await writeFile(path, "");
    await expect(file.read("a")).rejects.toMatchObject(refusal(path, /it is cut short/));
  });
});
