/** Reads the address of a Redis. */
import { StylizeError } from "../engine/errors.ts";

export interface RedisAddress {
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  readonly cluster: boolean;
  readonly tls: boolean;
  readonly db: number;
  readonly username?: string;
  readonly password?: string;
}

const form = /^(rediss?)(\+cluster)?:\/\/(?:(.*)@)?([^@/?#]+?)(?:\/(\d*))?$/;

/**
 * Parses `redis://user:password@host:port/db`; `rediss:` means TLS, `redis+cluster://a:1,b:2` a cluster, of which any
 * nodes may be named.
 *
 * Names and passwords are percent-encoded where they hold other characters than letters and digits. Throws StylizeError
 * "bad-option", whose message never repeats the address, since there may be a password in it.
 */
export function parseRedisUrl(url: string): RedisAddress {
  const match = form.exec(url);
  if (match === null) {
    throw bad(
      "an address such as redis://host:6379/0, rediss://user:password@host or redis+cluster://a:6379,b:6379",
    );
  }
  const [, scheme, cluster, login = "", hosts = "", db = ""] = match;
  const colon = login.indexOf(":");
  const username = decode(colon < 0 ? login : login.slice(0, colon));
  const password = colon < 0 ? "" : decode(login.slice(colon + 1));
  const nodes = hosts.split(",").map(parseNode);
  if (nodes.length > 1 && cluster === undefined) {
    throw bad("redis+cluster:// or rediss+cluster:// where several nodes are named");
  }
  if (cluster !== undefined && Number(db) !== 0) throw bad("no database number: a cluster has only number 0");
  return {
    nodes,
    cluster: cluster !== undefined,
    tls: scheme === "rediss",
    db: Number(db),
    ...(username === "" ? {} : { username }),
    ...(password === "" ? {} : { password }),
  };
}

function parseNode(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? 6379);
  if (host === undefined || port < 1 || port > 65_535) throw bad("host:port behind the login, 1 to 65535");
  return { host, port };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw bad("a name and password in percent-encoding");
  }
}

function bad(expected: string): StylizeError {
  return new StylizeError(
    "bad-option",
    `Expected ${expected} for the address of Redis but received something else.`,
  );
}
