/** Decoded pictures, their sizes, and noise to start from. */

/** In pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A decoded picture: planar sRGB in [0,1]. Results may leave that range by a little until they are encoded. */
export interface Picture extends Size {
  /** [3][height][width], R plane first. */
  readonly data: Float32Array;
  /** [height][width] in [0,1], colours not multiplied with it; a picture without it is opaque. */
  readonly opacity?: Float32Array | undefined;
}

/** Grey with uniform noise in [0,1], the same on every machine: one 32-bit hash a value (splitmix32). */
export function noisePicture({ width, height }: Size, seed: number): Picture {
  const data = new Float32Array(3 * width * height);
  for (let i = 0; i < data.length; i++) {
    data[i] = hash(Math.imul(seed + 1, 0x9e3779b9) + i) / 2 ** 32;
  }
  return { width, height, data };
}

function hash(n: number): number {
  let h = (n + 0x9e3779b9) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
  h = Math.imul(h ^ (h >>> 15), 0x735a2d97);
  return (h ^ (h >>> 15)) >>> 0;
}
