/**
 * Keeps what was found out about an adapter's kernels from run to run, as text: in files, in a browser's storage.
 *
 * @example
 * ```ts
 * import type { TuningStore } from "stylize";
 *
 * const texts = new Map<string, string>();
 * const store: TuningStore = {
 *   read: async (fingerprint) => texts.get(fingerprint),
 *   write: async (fingerprint, text) => void texts.set(fingerprint, text),
 * };
 * ```
 */
export interface TuningStore {
  /** `fingerprint`: adapter, driver and kernels, a line of any length. Undefined where nothing is kept for it. */
  read(fingerprint: string): Promise<string | undefined>;
  write(fingerprint: string, text: string): Promise<void>;
}
