/** A GET request as far as an answer: redirects, and servers that ask for patience. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, type Connection, getOnce } from "./connection.ts";
import { MirrorFailure, refusal } from "./mirror-failure.ts";

const MAX_REDIRECTS = 5;
/** A server that asks for more patience than this is left for the next mirror. */
const MAX_WAIT_MS = 5000;

/**
 * The answer to a GET request: of status 200, 206 or 416.
 *
 * Follows redirects, but never from https to http, and waits once for a server that asks for a few seconds
 * (`Retry-After`).
 *
 * @throws MirrorFailure for anything but an answer of these; the signal's reason if that aborts.
 */
export async function get(
  address: string,
  headers: Readonly<Record<string, string>>,
  connection: Connection,
): Promise<Answer> {
  let url = new URL(address);
  let redirects = 0;
  for (let waited = false; ; ) {
    const answer = await getOnce(url, headers, connection);
    const { status } = answer;
    if (status === 200 || status === 206 || status === 416) return answer;
    answer.close();
    if (status >= 300 && status < 400) {
      if (++redirects > MAX_REDIRECTS)
        throw new MirrorFailure(`was redirected more than ${MAX_REDIRECTS} times`);
      url = redirected(url, answer);
      continue;
    }
    const wait = status === 429 || status === 503 ? retryAfter(answer) : undefined;
    if (waited || wait === undefined || wait > MAX_WAIT_MS) throw refusal(status, wait);
    await sleep(wait, undefined, connection.signal ? { signal: connection.signal } : {});
    waited = true;
  }
}

function redirected(from: URL, { status, headers: { location } }: Answer): URL {
  if (typeof location !== "string" || !URL.canParse(location, from.href)) {
    throw new MirrorFailure(`received status ${status}, a redirect without a usable address`);
  }
  const to = new URL(location, from);
  if (to.protocol === "https:" || (to.protocol === "http:" && from.protocol === "http:")) return to;
  throw new MirrorFailure(`was redirected from ${from.protocol} to ${to.protocol}, which is not safe`);
}

/** In ms; undefined where the server doesn't say. */
function retryAfter({ headers: { "retry-after": value } }: Answer): number | undefined {
  if (typeof value !== "string") return undefined;
  const wait = /^\d+$/.test(value) ? 1000 * Number(value) : Date.parse(value) - Date.now();
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}
