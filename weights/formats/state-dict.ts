/**
 * What a state dict's pickle may ask for (dictionaries, storages, and the functions that make tensors of them), and
 * from
 * its value to its tensors by name.
 */

import { quoted } from "./byte-source.ts";
import { elementSizes } from "./dtypes.ts";
import { Dictionary, isTuple, type PickleFunction, type PickleHost } from "./pickle.ts";
import type { PickleCursor } from "./pickle-cursor.ts";
import { areNaturals, isNatural } from "./tensor-file.ts";
import { ElementType, elementTypes, Storage, TorchTensor } from "./torch-file.ts";

/** A few bytes of a pickle can ask for a copy of a long list of pairs. */
const MAX_PAIRS = 1_000_000;

/** A class that a model is made of, or any class in a pickle of objects made of modules. */
const modelClass = /^(torch\.nn\.modules|torchvision\.models)\./;
const anyClass = /\.[A-Z]\w*$/;
const modulesAttribute = Buffer.from("_modules");

/** Refuses all but what a state dict needs, and remembers the storages that were asked for. */
export class StateDictHost implements PickleHost {
  /** By key, each whole. */
  readonly storages = new Map<string, Storage>();
  readonly #cursor: PickleCursor;
  #pairs = 0;

  readonly #functions: ReadonlyMap<string, PickleFunction> = new Map<string, PickleFunction>([
    ["collections.OrderedDict", (args) => this.#orderedDict(args)],
    ["torch.Size", ([items]) => items],
    ["torch.device", () => null],
    ["torch._utils._rebuild_tensor", (args) => this.#tensor(args)],
    ["torch._utils._rebuild_tensor_v2", (args) => this.#tensor(args)],
    ["torch._utils._rebuild_tensor_v3", (args) => this.#tensor(args, args[6])],
    ["torch._utils._rebuild_parameter", ([data]) => data],
    ["torch._utils._rebuild_parameter_with_state", ([data]) => data],
  ]);

  constructor(cursor: PickleCursor) {
    this.#cursor = cursor;
  }

  global(module: string, name: string): PickleFunction | ElementType {
    const full = `${module}.${name}`;
    const value = this.#functions.get(full) ?? elementTypes.get(full);
    if (value) return value;
    const { buffer, byteOffset, byteLength } = this.#cursor.bytes;
    const holdsModules = Buffer.from(buffer, byteOffset, byteLength).includes(modulesAttribute);
    if (modelClass.test(full) || (anyClass.test(full) && holdsModules))
      return this.#cursor.fail(
        `it is a whole model of ${quoted(full)}, which only that model's Python code could load: ` +
          `save model.state_dict() instead`,
      );
    return this.#cursor.refuse(quoted(full));
  }

  /**
   * `id`: ("storage", class, key, device, elements), in legacy files with None or (key of the view, first element,
   * elements) behind.
   */
  persistent(id: unknown): Storage {
    if (!isTuple(id) || id[0] !== "storage" || id.length > 6) return this.#damaged("a storage");
    const [, type, key, , elements, view = null] = id;
    if (!(type instanceof ElementType && typeof key === "string" && isNatural(elements)))
      return this.#damaged("a storage");
    const size = elementSizes.get(type.name)!;
    const bytes = elements * size;
    const known = this.storages.get(key) ?? new Storage(key, type.name, bytes);
    this.storages.set(key, known);
    if (known.bytes !== bytes || known.dtype !== type.name)
      return this.#damaged("a storage with two types or sizes");
    return view === null ? known : this.#view(known, view, size);
  }

  #view(storage: Storage, view: unknown, size: number): Storage {
    const [, offset, elements] = isTuple(view) ? view : [];
    if (!isNatural(offset) || !isNatural(elements) || (offset + elements) * size > storage.bytes)
      return this.#damaged("a view of a storage");
    const { key, dtype, bytes } = storage;
    return new Storage(key, dtype, bytes, offset * size, (offset + elements) * size);
  }

  /**
   * `args`: storage, first element, shape, strides, and more that is about training. `dtype`: where the storage has
   * none.
   */
  #tensor(args: readonly unknown[], dtype?: unknown): TorchTensor {
    const [storage, offset, shape, strides] = args;
    const ok =
      storage instanceof Storage &&
      isNatural(offset) &&
      [shape, strides].every(isTuple) &&
      areNaturals(shape) &&
      areNaturals(strides) &&
      shape.length === strides.length &&
      (dtype === undefined || dtype instanceof ElementType);
    if (!ok) return this.#damaged("a tensor");
    const tensor = new TorchTensor(storage, dtype?.name ?? storage.dtype, offset, shape, strides);
    if (tensor.end > storage.end) return this.#damaged("a tensor that reaches beyond its storage");
    return tensor;
  }

  /** Without arguments in Python 3; with a list of pairs in Python 2. */
  #orderedDict(args: readonly unknown[]): Dictionary {
    const result = new Dictionary();
    const [pairs = []] = args;
    if (!Array.isArray(pairs) || !pairs.every((pair) => Array.isArray(pair) && pair.length === 2))
      return this.#damaged("an OrderedDict");
    this.#pairs += pairs.length;
    if (this.#pairs > MAX_PAIRS) return this.#cursor.fail(`its pickle has more than ${MAX_PAIRS} pairs`);
    for (const [key, value] of pairs) result.items.push(key, value);
    return result;
  }

  #damaged(what: string): never {
    return this.#cursor.damaged(`makes ${what} from wrong arguments`);
  }
}

/** A pickle can hold itself, or hold one dictionary by ever more paths: these bound how far we follow. */
const MAX_DEPTH = 64;
const MAX_VISITS = 4_000_000;
const MAX_TENSORS = 100_000;
const MAX_NAME = 1000;

/**
 * The tensors in `root`, named by the keys and places that lead to them, joined by dots; all else is left out.
 *
 * @throws StylizeError `bad-weights` in the cursor's words, where `root` is no container or its tensors can't be named.
 */
export function flattenTensors(root: unknown, cursor: PickleCursor): ReadonlyMap<string, TorchTensor> {
  const tensors = new Map<string, TorchTensor>();
  const ancestors = new Set<unknown>();
  let visits = 0;

  const visit = (value: unknown, name: string): void => {
    if (++visits > MAX_VISITS) cursor.fail(`it has more than ${MAX_VISITS} values`);
    if (value instanceof TorchTensor) add(value, name);
    else if (isContainer(value) && !ancestors.has(value)) {
      if (ancestors.size === MAX_DEPTH) cursor.fail(`it is nested deeper than ${MAX_DEPTH} levels`);
      ancestors.add(value);
      for (const [key, item] of children(value)) visit(item, name === "" ? key : `${name}.${key}`);
      ancestors.delete(value);
    }
  };
  const add = (tensor: TorchTensor, name: string): void => {
    if (name.length > MAX_NAME) cursor.fail(`a tensor has a name of more than ${MAX_NAME} characters`);
    if (tensors.has(name)) cursor.fail(`it has two tensors ${quoted(name)}`);
    if (tensors.size === MAX_TENSORS) cursor.fail(`it has more than ${MAX_TENSORS} tensors`);
    tensors.set(name, tensor);
  };

  if (!isContainer(root)) return cursor.fail("it holds no dictionary");
  visit(root, "");
  return tensors;
}

function isContainer(value: unknown): value is Dictionary | readonly unknown[] {
  return value instanceof Dictionary || Array.isArray(value);
}

/** What lies under a text or an integer. Of a key that was set twice the last value counts. */
function children(container: Dictionary | readonly unknown[]): Iterable<[string, unknown]> {
  if (!(container instanceof Dictionary)) return container.map((item, index) => [String(index), item]);
  const result = new Map<string, unknown>();
  const { items } = container;
  for (let i = 0; i < items.length; i += 2) {
    const key = items[i];
    if (typeof key === "string" || typeof key === "number") result.set(String(key), items[i + 1]);
  }
  return result;
}
