/** The styles that there are: names that clients choose from, and no others. */

import { isStyleName, keys, type Page, type StyleItem } from "../protocol/protocol.ts";
import type { ObjectStore } from "../stores/object-store.ts";

/** Styles of a new service on one machine; pictures of `examples/`. */
export const firstStyles = ["auvers.jpg", "great-wave.jpg", "poppies.jpg"];

const PREFIX = keys.style("");
const DEFAULT_LIMIT = 50;

export class Styles {
  readonly #objects: ObjectStore;

  constructor(objects: ObjectStore) {
    this.#objects = objects;
  }

  /** In the order of their names. */
  async list({ limit = DEFAULT_LIMIT, cursor }: Page): Promise<{ styles: StyleItem[]; next?: string }> {
    const { objects, next } = await this.#objects.list(PREFIX, { limit, cursor });
    const names = objects.map(({ key }) => key.slice(PREFIX.length));
    const styles = names
      .filter(isStyleName)
      .map((name) => ({ name, url: this.#objects.publicUrl(keys.style(name)) }));
    return { styles, ...(next === undefined ? {} : { next }) };
  }

  /** Whether there is a style of that name, which is one by its form. */
  async has(name: string): Promise<boolean> {
    return (await this.#objects.head(keys.style(name))) !== undefined;
  }
}
