import { describe, expect, it } from "vitest";
import { openTensorFile } from "./open.ts";
import { readAll, temporaryFolder } from "./testing/files.ts";
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
  u32,
  u64,
} from "./testing/pickle.ts";
import { torchEntries, zip } from "./testing/zip.ts";

const folder = temporaryFolder();

const wraps: [string, (object: Uint8Array) => Uint8Array][] = [
  ["a zip archive", (object) => zip(torchEntries(object))],
  ["a legacy file", (object) => legacyFile(object)],
];

const shortText = (value: string) => bytes("\x8c", value.length, value);
const stackGlobal = (module: string, name: string) => bytes(shortText(module), shortText(name), "\x93");
const rebuild = "ctorch._utils\n_rebuild_tensor_v2\n";

describe.each(wraps)("a pickle in %s", (_, wrap) => {
  const refusal = async (object: Uint8Array): Promise<string> => {
    const path = await folder.save(wrap(object));
    const error = await readAll(path).then(
      (values) => expect.fail(`was read: ${Object.keys(values)}`),
      (error) => error,
    );
    expect(error).toMatchObject({ name: "StylizeError", code: "bad-weights" });
    return error.message.replace(path, "F");
  };

  it.each<[string, string, Uint8Array]>([
    ["GLOBAL", "os.system", pickle("cos\nsystem\n", tuple(text("false")), "R")],
    ["GLOBAL, posix", "posix.system", pickle("cposix\nsystem\n", tuple(text("false")), "R")],
    ["GLOBAL, builtins", "builtins.eval", pickle("cbuiltins\neval\n", tuple(text("1")), "R")],
    ["GLOBAL, Python 2", "__builtin__.eval", pickle("c__builtin__\neval\n", tuple(text("1")), "R")],
    ["STACK_GLOBAL", "builtins.exec", pickle(stackGlobal("builtins", "exec"), tuple(text("")), "R")],
    [
      "STACK_GLOBAL, memoized",
      "os.system",
      pickle(shortText("os"), "\x94", "h\0", shortText("system"), "\x93"),
    ],
    [
      "a dotted name",
      "torch.serialization.os.system",
      pickle(stackGlobal("torch", "serialization.os.system")),
    ],
    [
      "a relative of ours",
      "torch._utils._import_dotted_name",
      pickle("ctorch._utils\n_import_dotted_name\n"),
    ],
    ["torch.load", "torch.load", pickle("ctorch\nload\n", tuple(text("other")), "R")],
    [
      "a method of ours",
      "collections.OrderedDict.fromkeys",
      pickle(stackGlobal("collections", "OrderedDict.fromkeys")),
    ],
    ["a name of JavaScript's", "torch.constructor", pickle("ctorch\nconstructor\n")],
    ["another", ".__proto__", pickle("c\n__proto__\n")],
    ["INST", "os.system", pickle("(", text("false"), "ios\nsystem\n")],
    ["OBJ", "os.system", pickle("(cos\nsystem\n", text("false"), "o")],
    ["NEWOBJ", "subprocess.Popen", pickle("csubprocess\nPopen\n", tuple(text("false")), "\x81")],
    [
      "an argument of a tensor",
      "os.system",
      pickle(rebuild, tuple(bytes("cos\nsystem\n", tuple(text("false")), "R")), "R"),
    ],
    [
      "a storage's class",
      "os.system",
      pickle(tuple(text("storage"), "cos\nsystem\n", text("0"), text("cpu"), int(0)), "Q"),
    ],
    ["a key", "os.system", pickle(dict("cos\nsystem\n", "N"))],
    ["metadata", "os.system", pickle("}}", text("_metadata"), "cos\nsystem\n", ")Rsb")],
  ])("that asks by %s for %s is refused", async (_, name, object) => {
    expect(await refusal(object)).toBe(
      `Expected a state dict in 'F' but its pickle asks for '${name}', which could run code: it was not run.`,
    );
  });

  it.each<[string, Uint8Array]>([
    ["OBJ", pickle("(ccollections\nOrderedDict\no")],
    ["NEWOBJ", pickle("ccollections\nOrderedDict\n)\x81")],
    ["NEWOBJ_EX", pickle("ccollections\nOrderedDict\n)}\x92")],
    ["EXT1", pickle("\x82\x01")],
    ["EXT4", pickle("\x84\x01\0\0\0")],
  ])("that uses the opcode %s is refused", async (name, object) => {
    expect(await refusal(object)).toBe(
      `Expected a state dict in 'F' but its pickle asks for the opcode ${name}, which could run code: it was not run.`,
    );
  });

  const wrong = (what: string) =>
    new RegExp(`but its pickle makes ${what} from wrong arguments: it is damaged`);

  it.each<[string, Uint8Array, RegExp]>([
    ["without STOP", bytes("\x80\x02}"), /its pickle is cut short/],
    ["of an unknown opcode", pickle("}", "\xff"), /has an opcode 0xff: it is damaged/],
    ["of protocol 6", bytes("\x80\x06}."), /has protocol 6/],
    ["that is empty", pickle(), /takes more than it has put/],
    ["that pops what lies below a MARK", pickle("}(0s"), /takes more than it has put/],
    ["with a TUPLE without MARK", pickle("t"), /lacks a MARK/],
    ["that gets what it did not put", pickle("h\x05"), /lacks its memo 5/],
    ["that puts nothing", pickle("q\0"), /takes more than it has put/],
    ["that calls a dictionary", pickle("})R"), /calls what is no function/],
    ["that calls a dtype", pickle("ctorch\nfloat32\n)R"), /calls what is no function/],
    [
      "that calls without a tuple",
      pickle("ccollections\nOrderedDict\n]R"),
      /calls a function without a tuple/,
    ],
    ["that appends to a tuple", pickle(")Na"), /appends to what is no list/],
    ["that appends to a dictionary", pickle("}Na"), /appends to what is no list/],
    ["that sets items of a list", pickle("]NNs"), /sets items of what is no dictionary/],
    ["with a key without a value", pickle("}(Nu"), /sets a key without a value/],
    ["that sets attributes of a list", pickle("]}b"), /sets attributes of what is no OrderedDict/],
    [
      "that sets attributes of a tensor",
      pickle(tensor(storage("0", 0), 0, [0], [1]), "}b"),
      /sets attributes/,
    ],
    ["with a global without a name", pickle("NN\x93"), /has a global without a name/],
    ["with a text that is none", pickle("X", u32(2), "\xff\xff"), /has a text that isn't UTF-8/],
    ["with a decimal that is none", pickle("I1e9\n"), /has a number that is none/],
    ["with an endless line", pickle("c", "x".repeat(5000)), /has a line of more than 1024 bytes/],
    ["with a huge LONG4", pickle("\x8b", u32(0x7fffffff)), /has an integer of 2147483647 bytes/],
    ["with a negative LONG4", pickle("\x8b", u32(0xffffffff)), /says a length of -1/],
    ["with a negative BINSTRING", pickle("T", u32(0x80000000)), /says a length of -2147483648/],
    ["with a huge BINUNICODE", pickle("X", u32(0xffffffff)), /its pickle is cut short/],
    ["with a huge BINUNICODE8", pickle("\x8d", u64(2n ** 64n - 1n)), /its pickle is cut short/],
    ["with a huge BINBYTES8", pickle("\x8e", u64(2n ** 53n)), /its pickle is cut short/],
    ["with a huge FRAME", pickle("\x95", u64(2n ** 63n)), /its pickle is cut short/],
    ["with an id that is none", pickle("NQ"), wrong("a storage")],
    ["with an id of a module", pickle(tuple(text("module"), "N", "N", "N"), "Q"), wrong("a storage")],
    ["with an id of a list", pickle(list(text("storage")), "Q"), wrong("a storage")],
    [
      "with an id without a class",
      pickle(tuple(text("storage"), text("torch"), text("0"), text("cpu"), int(1)), "Q"),
      wrong("a storage"),
    ],
    ["with an id of negative size", pickle(storage("0", -1)), wrong("a storage")],
    [
      "with a storage of two sizes",
      pickle(list(storage("0", 0), storage("0", 1))),
      wrong("a storage with two types or sizes"),
    ],
    [
      "with a storage of two types",
      pickle(list(storage("0", 0), storage("0", 0, bytes("N"), "HalfStorage"))),
      wrong("a storage with two types or sizes"),
    ],
    [
      "with a view beyond its storage",
      pickle(storage("0", 2, tuple(text("1"), int(1), int(2)))),
      wrong("a view of a storage"),
    ],
    [
      "with a view of two numbers",
      pickle(storage("0", 2, tuple(int(1), int(1)))),
      wrong("a view of a storage"),
    ],
    ["with a tensor of nothing", pickle(rebuild, ")R"), wrong("a tensor")],
    ["with a tensor of a dictionary", pickle(rebuild, tuple("}", int(0), ")", ")"), "R"), wrong("a tensor")],
    [
      "with an OrderedDict of a dictionary",
      pickle("ccollections\nOrderedDict\n", tuple("}"), "R"),
      wrong("an OrderedDict"),
    ],
    [
      "with an OrderedDict of triples",
      pickle("ccollections\nOrderedDict\n", tuple(list(tuple("N", "N", "N"))), "R"),
      wrong("an OrderedDict"),
    ],
  ])("%s is refused", async (_, object, sentence) => {
    expect(await refusal(object)).toMatch(sentence);
  });

  it.each<[string, () => Uint8Array, RegExp]>([
    [
      "deep nesting",
      () => pickle("}(K\x01".repeat(300_000), "N", "u".repeat(300_000)),
      /is nested deeper than 64 levels/,
    ],
    ["deep lists", () => pickle("]".repeat(500_000), "a".repeat(499_999)), /is nested deeper than 64 levels/],
    ["lists of lists by the memo", () => pickle(doublings(60, "]", "a")), /has more than 4000000 values/],
    ["OrderedDicts of one long list", () => pickle(copies()), /has more than 1000000 pairs/],
    ["too many steps", () => pickle("N0".repeat(1_500_000), "}"), /takes more than 2000000 steps/],
    [
      "a very long name",
      () => pickle(dict(text("n".repeat(2000)), tensor(storage("0", 0), 0, [0], [1]))),
      /a name of more than 1000 characters/,
    ],
  ])("is bounded in %s", async (_, object, sentence) => {
    expect(await refusal(object())).toMatch(sentence);
  });

  it("may hold bytes, big integers and booleans, which are left out", async () => {
    const things = [
      "B",
      u32(2),
      "ab",
      "C\x01a",
      "\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
      "\x8a\0",
      "I01\n",
      "L-5L\n",
      "G",
      u64(0n),
    ];
    const object = pickle(dict(text("state"), bytes("](", ...things, "\x88\x89N", "2", "e")));
    expect(await readAll(await folder.save(wrap(object)))).toEqual({});
  });

  it("may drop what it put, and be followed by anything", async () => {
    const object = pickle("N0", "(NN1", "(0", "}");
    expect(await readAll(await folder.save(wrap(object)))).toEqual({});
  });
});

/** A list in a list twice, that list in a list twice... : 2^n leaves in 4n opcodes. */
function doublings(n: number, make: string, append: string): Uint8Array {
  const parts = Array.from({ length: n }, (_, i) => bytes(make, `q`, i + 1, "h", i, append, "h", i, append));
  return bytes(make, "q\0", ...parts);
}

/** 300 OrderedDicts, each of the same 10,000 pairs. */
function copies(): Uint8Array {
  const pairs = bytes("](", ...Array.from({ length: 10_000 }, () => "NN\x86"), "eq\0");
  return bytes(
    pairs,
    "](",
    ...Array.from({ length: 300 }, () => bytes("ccollections\nOrderedDict\n", "h\0\x85R")),
    "e",
  );
}

it("a pickle that speaks of modules is still refused by the name of a function it asks for", async () => {
  const path = await folder.save(legacyFile(pickle("cos\nsystem\n", tuple(text("_modules")), "R")));
  await expect(openTensorFile(path)).rejects.toMatchObject({
    message: /asks for 'os\.system', which could run code/,
  });
});
