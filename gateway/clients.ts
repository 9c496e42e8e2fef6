/** Who a client is, and whether it may connect. */
import { createHmac } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { importSPKI, jwtVerify } from "jose";
import type { Config } from "./config.ts";
import { RequestFailure } from "./request-failure.ts";

/**
 * The client's address: of the proxies in front, each adds the address it was called from to the end of
 * X-Forwarded-For, so that only the last entries, as many as there are proxies, can be believed.
 */
export function addressOf(
  { headers, socket }: Pick<IncomingMessage, "headers" | "socket">,
  proxies: number,
): string {
  const forwarded = headers["x-forwarded-for"];
  const entries = (Array.isArray(forwarded) ? forwarded.join(",") : (forwarded ?? "")).split(",");
  const believed = proxies > 0 ? entries.at(-proxies)?.trim() : undefined;
  return believed || socket.remoteAddress || "unknown";
}

/** Whether a page of that origin may connect. Programs that are no browser send none. */
export function isAllowedOrigin(
  { headers }: Pick<IncomingMessage, "headers">,
  allowed: readonly string[],
): boolean {
  const { origin, host } = headers;
  if (origin === undefined || allowed.includes(origin)) return true;
  return URL.canParse(origin) && new URL(origin).host === host;
}

export interface Clients {
  /** A name for the client that gives nothing away. Throws RequestFailure `unauthorized`. */
  identify(address: string, token: unknown): Promise<string>;
}

/** With a key, clients are who their JSON Web Token (RFC 7519) says, and need one; else where they connect from. */
export async function createClients(config: Config, secret: string): Promise<Clients> {
  const nameOf = (text: string) => createHmac("sha256", secret).update(text).digest("base64url").slice(0, 22);
  const verify = await verifier(config);
  return {
    async identify(address, token) {
      if (!verify) return nameOf(`address ${address}`);
      try {
        if (typeof token !== "string") throw new Error("no token");
        const { sub } = await verify(token);
        if (!sub) throw new Error("no subject");
        return nameOf(`subject ${sub}`);
      } catch (cause) {
        throw new RequestFailure("unauthorized", { cause });
      }
    },
  };
}

async function verifier(config: Config) {
  const { "jwt-secret": shared, "jwt-public-key": pem } = config;
  const options = { requiredClaims: ["sub", "exp"], clockTolerance: 5 };
  if (shared !== undefined) {
    const key = new TextEncoder().encode(shared);
    return async (token: string) =>
      (await jwtVerify(token, key, { ...options, algorithms: ["HS256"] })).payload;
  }
  if (pem === undefined) return undefined;
  const algorithms = ["RS256", "ES256", "EdDSA"];
  const key = await firstOf(algorithms, (algorithm) => importSPKI(pem, algorithm));
  return async (token: string) =>
    (await jwtVerify(token, key.value, { ...options, algorithms: [key.name] })).payload;
}

/** The first of `names` with which `make` succeeds; its last error where none does. */
async function firstOf<T>(names: readonly string[], make: (name: string) => Promise<T>) {
  let last: unknown;
  for (const name of names) {
    try {
      return { name, value: await make(name) };
    } catch (error) {
      last = error;
    }
  }
  throw last;
}
