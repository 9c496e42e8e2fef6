/** What becomes of a convolution's outputs before they are stored, and of the mask that tells their signs. */
import type { Resource } from "../../gpu/program.ts";
import { range } from "./text.ts";

/**
 * What happens to the outputs of a convolution before they are stored:
 * `forward`: bias, ReLU, and the ReLU's signs to a mask; `plain`: nothing; `masked`: times the mask of the map below;
 * `masked-add`: the same after adding d, the gradient of the losses there, a flat texture of y's shape.
 * All but `forward` are on the way back, whose tiles are turned round.
 */
export type OutputMode = "forward" | "plain" | "masked" | "masked-add";

/** A mode, with the buffers that it takes. */
export type Finish =
  | { readonly mode: "forward"; readonly mask: GPUBuffer }
  | { readonly mode: "plain" }
  | { readonly mode: "masked"; readonly mask: GPUBuffer }
  | { readonly mode: "masked-add"; readonly mask: GPUBuffer; readonly d: Resource };

/** The bits of a pixel's four channels in its half of the mask: row r of the tile, column c. */
export const maskBits = (r: number, c: number): string =>
  `vec4u(${range(4)
    .map((channel) => `${2 ** (16 * (r & 1) + 4 * c + channel)}u`)
    .join(", ")})`;

/**
 * What half of a tile adds to the mask, a vec4u whose parts are still to be joined; `value`: the name of a pixel's
 * vec4f.
 */
export const signsOf = (
  pixels: readonly { readonly r: number; readonly c: number; readonly value: string }[],
): string =>
  pixels.map(({ r, c, value }) => `select(vec4u(0), ${maskBits(r, c)}, ${value} > vec4f(0))`).join(" | ");
