/** In which order the gallery shows its pictures: ids, from which it goes round and round. */

/** Pictures that take part. */
export const ROTATING = 24;

/**
 * With the newest ids, `newest` first: those that are new come next after `current`, in the order in which they were
 * made.
 */
export function rotationWith(
  rotation: readonly string[],
  current: string | undefined,
  newest: readonly string[],
): readonly string[] {
  if (rotation.length === 0) return newest;
  const fresh = newest.filter((id) => !rotation.includes(id)).reverse();
  const at = current === undefined ? -1 : rotation.indexOf(current);
  const isNewest = new Set(newest);
  const all = [...rotation.slice(0, at + 1), ...fresh, ...rotation.slice(at + 1)];
  return all.filter((id) => isNewest.has(id));
}

/** The id `by` places after `current`; the first where `current` does not take part. */
export function stepped(
  rotation: readonly string[],
  current: string | undefined,
  by: number,
): string | undefined {
  const at = current === undefined ? -1 : rotation.indexOf(current);
  return at < 0 ? rotation[0] : rotation.at((at + by) % rotation.length);
}
