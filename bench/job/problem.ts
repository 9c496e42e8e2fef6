/**
 * The job that is timed to a given loss: two of the examples, a network with the weights that come with the program,
 * its own losses.
 */
import { fileURLToPath } from "node:url";
import { type Term, termsOf } from "../../engine/losses/objective.ts";
import type { Network } from "../../engine/network/types.ts";
import type { Picture } from "../../engine/picture.ts";
import { decodePicture, longSide } from "../../pictures/index.ts";
import { generatedNetwork, loadNetwork } from "../../weights/index.ts";
import type { NetworkName } from "../networks.ts";
import type { Problem } from "../problem-files.ts";

export const contentName = "astronaut.jpg";
export const styleName = "auvers.jpg";

export interface Job {
  readonly network: Network;
  readonly terms: readonly Term[];
  /** As decoded; the engine scales them itself. */
  readonly content: Picture;
  readonly style: Picture;
}

/** With the weights that ship; VGG19's, which do not, are the generated network's, since random ones paint nothing. */
export async function loadJob(name: NetworkName): Promise<Job> {
  const network = name === "vgg19" ? generatedNetwork() : await loadNetwork(name);
  const [content, style] = await Promise.all([contentName, styleName].map(example));
  return { network, terms: termsOf(network.defaults), content: content!, style: style! };
}

async function example(name: string): Promise<Picture> {
  const { picture } = await decodePicture(fileURLToPath(new URL(`../../examples/${name}`, import.meta.url)));
  return picture;
}

/**
 * What the job minimises at its last scale: both pictures' long sides have `size` pixels, and the content is where it
 * begins.
 */
export function problemAt({ network, terms, content, style }: Job, size: number): Problem {
  const start = longSide(content, size, contentName);
  return { network, terms, pictures: { content: start, start, style: longSide(style, size, styleName) } };
}
