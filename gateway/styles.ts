/** The styles that there are: names that clients choose from, and no others. */
import { isStyleName, keys, type Page, type StyleItem } from "../protocol/protocol.ts";
import type { ObjectStore } from "../stores/object-store.ts";

/** Styles of a new service on one machine; pictures of `examples/`. */
export const firstStyles = ["auvers.jpg", "great-wave.jpg", "poppies.jpg"];

const PREFIX = keys.style("");
const DEFAULT_LIMIT = 50;

/** In the order of their names. */
export async function listStyles(
  store: ObjectStore,
  { limit = DEFAULT_LIMIT, cursor }: Page,
): Promise<{ styles: StyleItem[]; next?: string }> {
  const { objects, next } = await store.list(PREFIX, { limit, cursor });
  const names = objects.map(({ key }) => key.slice(PREFIX.length)).filter(isStyleName);
  const styles = names.map((name) => ({ name, url: store.publicUrl(keys.style(name)) }));
  return { styles, ...(next === undefined ? {} : { next }) };
}

/** Whether there is a style of that name, which is one by its form. */
export async function hasStyle(store: ObjectStore, name: string): Promise<boolean> {
  return (await store.head(keys.style(name))) !== undefined;
}
