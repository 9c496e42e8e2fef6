/** From the value of a checkpoint's pickle to its tensors by name. */
import { quoted } from "./errors.ts";
import type { PickleCursor } from "./pickle-cursor.ts";
import { Dictionary } from "./pickle-machine.ts";
import { TorchTensor } from "./torch-tensor.ts";

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
