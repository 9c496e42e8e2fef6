/** The network that paints: the generated one, or one that the site offers. */
import { StylizeError } from "../../../engine/errors.ts";
import type { Network } from "../../../engine/network/types.ts";
import { readNetworkBlob } from "../../../weights/read-network.ts";

/**
 * Fetches VGG19 as safetensors.
 *
 * @param onFraction told how much of it is there, from 0 to 1, where the server says how long it is.
 * @throws StylizeError `download-failed` or `bad-weights`.
 */
export async function fetchNetwork(url: string, onFraction: (fraction: number) => void): Promise<Network> {
  return await readNetworkBlob(await download(url, onFraction), url);
}

/** The generated network, whose code and numbers are loaded only when it is used. */
export async function generateNetwork(): Promise<Network> {
  const { generatedNetwork } = await import("../../../weights/generated.ts");
  return generatedNetwork();
}

async function download(url: string, onFraction: (fraction: number) => void): Promise<Blob> {
  const failed = (what: string, cause?: unknown) =>
    new StylizeError("download-failed", `Expected a network at '${url}' but ${what}.`, { cause });
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
