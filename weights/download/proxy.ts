/** Which proxy the environment names for an address, as curl reads it. */
import { StylizeError } from "../../engine/errors.ts";
import type { Environment } from "./cache.ts";

/**
 * The proxy of `http_proxy` or `https_proxy` (or their upper-case forms) for `url`; undefined where there is none, or
 * where `no_proxy` lists the host: a comma-separated list of names, which stand for their subdomains too, each with or
 * without port, or `*`.
 *
 * @throws StylizeError `bad-option` if it is no http or https address.
 */
export function proxyFor(url: URL, env: Environment): URL | undefined {
  const scheme = url.protocol.slice(0, -1);
  const variable = `${scheme}_proxy`;
  const value = env[variable] ?? env[variable.toUpperCase()];
  if (!value || isExcluded(url, env.no_proxy ?? env.NO_PROXY ?? "")) return undefined;
  const address = value.includes("://") ? value : `http://${value}`;
  const proxy = URL.canParse(address) ? new URL(address) : undefined;
  if (proxy && /^https?:$/.test(proxy.protocol)) return proxy;
  // The value may hold a password, so it is not repeated.
  const received = proxy ? `one that begins with '${proxy.protocol}//'` : "something else";
  throw new StylizeError(
    "bad-option",
    `Expected ${variable} to be an http:// or https:// address but received ${received}.`,
  );
}

function isExcluded(url: URL, list: string): boolean {
  const host = withoutBrackets(url.hostname);
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((item) => item !== "")
    .some((item) => {
      if (item === "*") return true;
      // A colon before digits is a port's only where it is the first, or follows a bracket: IPv6 addresses have many.
      const [, name = item, itsPort] = /^(\[.*\]|[^:]*):(\d+)$/.exec(item) ?? [];
      const bare = withoutBrackets(name).replace(/^\*?\./, "");
      return (itsPort === undefined || itsPort === port) && (host === bare || host.endsWith(`.${bare}`));
    });
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}
