/** How each family stores maps, masks and features, for tests that put data there themselves. */
import type { KernelFamilyName } from "../../gpu/adapter.ts";
import type { Arena } from "../../gpu/arena.ts";
import type { Precision } from "../../gpu/precision.ts";
import type { Program, Resource } from "../../gpu/program.ts";
import { mapShape as cpuMapShape, cpuStorage, tilesOf } from "../cpu/layout.ts";
import { copyFlat, copyMap, flatTexture, mapTexture } from "../cpu/textures.ts";
import { mapTexels, type Storage } from "../elementwise.ts";
import type { MapShape } from "../family.ts";
import { mapShape as gpuMapShape, gpuStorage, maskWords } from "../gpu/layout.ts";
import type { Planes } from "../reference.ts";

export interface TestLayout {
  readonly storage: Storage;
  shape(channels: number, height: number, width: number): MapShape;
  /** From a buffer of flat texels to what convolutions and losses read. */
  publish(
    program: Program,
    arena: Arena,
    texels: GPUBuffer,
    shape: MapShape,
  ): { readonly resource: Resource; readonly features: Resource };
  /** One bit a value: whether it is positive. */
  mask(x: Planes, shape: MapShape): Uint32Array;
}

const gpu = (precision: Precision): TestLayout => ({
  storage: gpuStorage(precision),
  shape: gpuMapShape,
  publish: (_program, _arena, texels) => ({ resource: texels, features: texels }),
  mask: (x, shape) => {
    const words = new Uint32Array((shape.channels / 32) * maskWords(shape));
    eachPositive(x, (channel, row, column) => {
      const word = (channel >> 5) * maskWords(shape) + row * x.width + column;
      words[word]! |= 1 << (channel & 31);
    });
    return words;
  },
});

const cpu: TestLayout = {
  storage: cpuStorage,
  shape: cpuMapShape,
  publish: (program, arena, texels, shape) => {
    const map = mapTexture(arena, "upload", shape);
    copyMap(program, texels, map, shape);
    const features = flatTexture(arena, "upload", mapTexels(shape));
    copyFlat(program, texels, features, mapTexels(shape));
    return { resource: map.view, features: features.view };
  },
  mask: (x, shape) => {
    const tiles = tilesOf(shape);
    const words = new Uint32Array(2 * (shape.channels / 4) * tiles.count);
    eachPositive(x, (channel, row, column) => {
      const tile = (channel >> 2) * tiles.count + (row >> 2) * tiles.x + (column >> 2);
      words[2 * tile + ((row & 3) >> 1)]! |= 1 << ((row & 1) * 16 + (column & 3) * 4 + (channel & 3));
    });
    return words;
  },
};

export const layoutOf = (family: KernelFamilyName, precision: Precision): TestLayout =>
  family === "gpu" ? gpu(precision) : cpu;

function eachPositive(x: Planes, visit: (channel: number, row: number, column: number) => void): void {
  for (const [i, value] of x.data.entries()) {
    if (value > 0) {
      visit(Math.floor(i / (x.height * x.width)), Math.floor(i / x.width) % x.height, i % x.width);
    }
  }
}
