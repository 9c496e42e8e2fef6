/** What a state dict's pickle may ask for: dictionaries, storages, and the functions that make tensors of them. */
import { elementSizes } from "./dtypes.ts";
import { quoted } from "./errors.ts";
import type { PickleCursor } from "./pickle-cursor.ts";
import { Dictionary, isTuple, PickleFunction, type PickleHost } from "./pickle-machine.ts";
import { isNatural, MAX_DIMENSIONS } from "./tensor-file.ts";
import { Storage, TorchTensor } from "./torch-tensor.ts";
import { ElementType, elementTypes } from "./torch-types.ts";

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

  readonly #functions: ReadonlyMap<string, PickleFunction> = new Map([
    ["collections.OrderedDict", new PickleFunction((args) => this.#orderedDict(args))],
    ["torch.Size", new PickleFunction(([items]) => items)],
    ["torch.device", new PickleFunction(() => null)],
    ["torch._utils._rebuild_tensor", new PickleFunction((args) => this.#tensor(args))],
    ["torch._utils._rebuild_tensor_v2", new PickleFunction((args) => this.#tensor(args))],
    ["torch._utils._rebuild_tensor_v3", new PickleFunction((args) => this.#tensor(args, args[6]))],
    ["torch._utils._rebuild_parameter", new PickleFunction(([data]) => data)],
    ["torch._utils._rebuild_parameter_with_state", new PickleFunction(([data]) => data)],
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
    const reason =
      modelClass.test(full) || (anyClass.test(full) && holdsModules)
        ? `it is a whole model of ${quoted(full)}, which only that model's Python code could load: save model.state_dict() instead`
        : `its pickle asks for ${quoted(full)}, which could run code: it was not run`;
    return this.#cursor.fail(reason);
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
    return this.#cursor.fail(`its pickle makes ${what} from wrong arguments: it is damaged, get it again`);
  }
}

/** Shapes and strides. */
function areNaturals(value: unknown): value is readonly number[] {
  return isTuple(value) && value.length <= MAX_DIMENSIONS && value.every(isNatural);
}
