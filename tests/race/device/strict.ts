/** The object, of which only what it has may be used: WebGPU has more, which nobody here plays. */
export function strict<T extends object>(name: string, object: T): T {
  return new Proxy(object, {
    get(target, key, receiver) {
      if (typeof key === "string" && !(key in target)) throw new Error(`Expected no use of ${name}.${key}.`);
      const member = Reflect.get(target, key, receiver);
      return member;
    },
  });
}

/** Throws unless `holds`. */
export function expectThat(holds: boolean, sentence: () => string): asserts holds {
  if (!holds) throw new Error(sentence());
}
