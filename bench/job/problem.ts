/** The job that is timed to a given loss: two of the examples, the generated network, its own losses. */
import { fileURLToPath } from "node:url";
import { type Term, termsOf } from "../../engine/losses/objective.ts";
import type { Network } from "../../engine/network/types.ts";
import type { Picture } from "../../engine/types.ts";
import { decodePicture, longSide } from "../../pictures/index.ts";
import { generatedNetwork } from "../../weights/index.ts";
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

export async function loadJob(): Promise<Job> {
  const network = generatedNetwork();
  const [content, style] = await Promise.all([contentName, styleName].map(example));
  return { network, terms: termsOf(network.defaults), content: content!, style: style! };
}

async function example(name: string): Promise<Picture> {
  const { picture } = await decodePicture(fileURLToPath(new URL(`../../examples/${name}`, import.meta.url)));
  return picture;
}

/** What the job minimises at its last scale: both pictures' long sides have `size` pixels, and the content is where it begins. */
export function problemAt({ network, terms, content, style }: Job, size: number): Problem {
  const start = longSide(content, size, contentName);
  return { network, terms, pictures: { content: start, start, style: longSide(style, size, styleName) } };
}
