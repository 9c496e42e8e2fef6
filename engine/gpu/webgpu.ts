/** WebGPU's own names where an environment lacks them: flags outside browsers, classes in declarations. */

/** Of `GPUBufferUsage`. */
export const bufferUsage = {
  MAP_READ: 0x1,
  COPY_SRC: 0x4,
  COPY_DST: 0x8,
  UNIFORM: 0x40,
  STORAGE: 0x80,
  QUERY_RESOLVE: 0x200,
} as const;

/** Of `GPUTextureUsage`. */
export const textureUsage = { COPY_SRC: 0x1, COPY_DST: 0x2, STORAGE: 0x8, RENDER_ATTACHMENT: 0x10 } as const;

/** Of `GPUShaderStage`. */
export const shaderStage = { COMPUTE: 0x4 } as const;

/** Of `GPUMapMode`. */
export const mapMode = { READ: 0x1 } as const;

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
