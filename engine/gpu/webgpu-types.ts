/**
 * One of WebGPU's classes by its name, as whoever compiles against the declarations knows it: from lib.dom in
 * TypeScript 6 or newer, from @webgpu/types, or not at all, when it is an object of which nothing is known.
 *
 * The two contradict each other, and neither is everywhere: a declaration that named either would be an error for
 * those who have the other.
 */
export type Known<Name extends string> = typeof globalThis extends {
  readonly [N in Name]: { readonly prototype: infer T };
}
  ? T
  : object;
