/** What names stand for while code is generated. */
import type { FunctionDeclaration } from "./syntax.ts";
import type { Type } from "./types.ts";
import type { Operand } from "./values.ts";

export type Binding =
  | Operand
  | { readonly kind: "type"; readonly type: Type }
  | { readonly kind: "function"; readonly declaration: FunctionDeclaration };

/** The names of a block, or of the module, which are resolved when they are first asked for. */
export class Scope {
  readonly #outer: Scope | undefined;
  readonly #bindings = new Map<string, Binding>();
  readonly #resolve: ((name: string) => Binding | undefined) | undefined;

  constructor(outer: Scope | undefined, resolve?: (name: string) => Binding | undefined) {
    this.#outer = outer;
    this.#resolve = resolve;
  }

  /** Whether the block itself declares the name. */
  declares(name: string): boolean {
    return this.#bindings.has(name);
  }

  set(name: string, binding: Binding): void {
    this.#bindings.set(name, binding);
  }

  find(name: string): Binding | undefined {
    const known = this.#bindings.get(name);
    if (known) return known;
    const resolved = this.#resolve?.(name);
    if (resolved) this.#bindings.set(name, resolved);
    return resolved ?? this.#outer?.find(name);
  }
}
