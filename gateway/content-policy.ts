/** What pages may load and whom they may talk to: the gateway, and wherever the store's URLs lead. */

import { keys } from "../protocol/protocol.ts";
import type { ObjectStore } from "../stores/object-store.ts";

/** For answers that are no pages: nothing at all. */
export const closedPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * The Content-Security-Policy of the pages and of their scripts, as workers go by their own. `'self'` of connect-src
 * has the gateway's websocket in it (CSP 3, 6.7.2.8; Chromium, Firefox, Safari from 15.4 on).
 */
export function pagePolicy(storeOrigins: readonly string[]): string {
  const store = storeOrigins.map((origin) => ` ${origin}`).join("");
  return [
    closedPolicy,
    "script-src 'self'",
    "style-src 'self'",
    "worker-src 'self'",
    "manifest-src 'self'",
    `img-src 'self' blob: data:${store}`,
    `connect-src 'self'${store}`,
  ].join("; ");
}

/**
 * Where the URLs lead that the store gives to pages: for public pictures, private ones and uploads. Throws StoreError.
 */
export async function storeOrigins(objects: ObjectStore): Promise<string[]> {
  const contentType = "image/jpeg";
  const picture = keys.upload("origin", contentType);
  const [url, form] = await Promise.all([
    objects.presign(picture, 1),
    objects.presignUpload(picture, { contentType, maxBytes: 1, seconds: 1 }),
  ]);
  const urls = [objects.publicUrl(keys.style("origin.jpg")), url, form.url];
  return [...new Set(urls.map((each) => new URL(each).origin))].sort();
}
