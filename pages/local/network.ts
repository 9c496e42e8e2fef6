/** The network that paints: one that comes with the pages, or one that the site offers. */
import { StylizeError } from "../../engine/errors.ts";
import type { Network } from "../../engine/network/types.ts";
import compactUrl from "../../weights/compact/compact.safetensors?url";
import compactSmallUrl from "../../weights/compact/compact-small.safetensors?url";
import { readNetworkBlob, readShipped } from "../../weights/read-network.ts";
import { compact, compactSmall, type ShippedNetwork } from "../../weights/shipped.ts";

const urls: ReadonlyMap<ShippedNetwork, string> = new Map([
  [compact, compactUrl],
  [compactSmall, compactSmallUrl],
]);

/** Told how much of a network is there, from 0 to 1, where the server says how long it is. */
type OnFraction = (fraction: number) => void;

/** Fetches a network of VGG19's shape as safetensors. Throws StylizeError `download-failed` or `bad-weights`. */
export async function fetchNetwork(url: string, onFraction: OnFraction): Promise<Network> {
  return await readNetworkBlob(await download("a network", url, onFraction), url);
}

/**
 * Fetches one that comes with the pages. Throws the same; gateways with later pages may have none of these any more.
 */
export async function fetchShipped(shipped: ShippedNetwork, onFraction: OnFraction): Promise<Network> {
  const url = urls.get(shipped)!;
  const advice = "load this page anew";
  const blob = await download(`the network '${shipped.name}'`, url, onFraction, `; ${advice}`);
  return await readShipped(shipped, blob, url, advice);
}

/** `what` and `advice` are parts of the sentence that an error is. */
async function download(what: string, url: string, onFraction: OnFraction, advice = ""): Promise<Blob> {
  const failed = (received: string, cause?: unknown) => {
    const message = `Expected ${what} at '${url}' but ${received}${advice}.`;
    return new StylizeError("download-failed", message, { cause });
  };
  try {
    const response = await fetch(url);
    if (!response.ok || !response.body) throw failed(`the answer was ${response.status}`);
    const total = Number(response.headers.get("content-length"));
    let received = 0;
    const counted = response.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(piece, controller) {
          received += piece.length;
          if (total > 0) onFraction(Math.min(1, received / total));
          controller.enqueue(piece);
        },
      }),
    );
    return await new Response(counted).blob();
  } catch (cause) {
    throw cause instanceof StylizeError
      ? cause
      : failed(`the connection failed (${(cause as Error).message})`, cause);
  }
}
