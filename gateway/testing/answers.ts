/** What tests look at in what a gateway answers and tells. */
import type { Accepted } from "../../protocol/protocol.ts";

export const completed = ({ jobId }: Accepted) => `TRANSFER_STYLE_COMPLETED::${jobId}`;
export const failed = ({ jobId }: Accepted) => `TRANSFER_STYLE_FAILED::${jobId}`;
export const code = (answer: unknown) => (answer as { error?: { code: string } }).error?.code;

export async function fetched(url: string) {
  const response = await fetch(url);
  return { status: response.status, body: Buffer.from(await response.arrayBuffer()) };
}

/** What entitles to a job, and no more. */
export const ref = ({ jobId, token }: Accepted) => ({ jobId, token });
