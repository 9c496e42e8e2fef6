/** What was found out about this browser's kernels, kept from visit to visit in its cache storage. */
import type { TuningStore } from "../../engine/tuning-store.ts";

const open = () => caches.open("stylize-tuning");
/** No server is asked for it: cache storage has addresses for keys. */
const addressOf = (fingerprint: string) => `/tuning/${encodeURIComponent(fingerprint)}`;

export const tuningStore: TuningStore = {
  async read(fingerprint) {
    const kept = await (await open()).match(addressOf(fingerprint));
    return await kept?.text();
  },
  async write(fingerprint, text) {
    await (await open()).put(addressOf(fingerprint), new Response(text));
  },
};
