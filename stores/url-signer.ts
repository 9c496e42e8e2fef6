/** URLs that permit one thing for a while: the query names it, and an HMAC of it proves that we made it. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { isKey, keyPath } from "./object-store.ts";

/** What an upload may be. */
export interface UploadPolicy {
  readonly key: string;
  readonly contentType: string;
  readonly maxBytes: number;
}

/** Makes and checks paths below `/objects`; whoever has the secret can check what another has made. */
export function urlSigner(secret: Uint8Array) {
  return { readPath, allowsRead, uploadPath, allowedUpload };

  /** `/objects/<key>?expires=<milliseconds since 1970>&signature=<HMAC-SHA256>` */
  function readPath(key: string, seconds: number): string {
    const expires = expiry(seconds);
    const query = new URLSearchParams({ expires, signature: sign("GET", key, expires) });
    return `/objects/${keyPath(key)}?${query}`;
  }

  function allowsRead(key: string, query: URLSearchParams): boolean {
    const expires = query.get("expires") ?? "";
    return isAhead(expires) && isSignature(query.get("signature"), "GET", key, expires);
  }

  /** The whole policy is in the query, so that it is checked before the first byte of a body is read. */
  function uploadPath({ key, contentType, maxBytes }: UploadPolicy, seconds: number): string {
    const policy = { key, type: contentType, max: String(maxBytes), expires: expiry(seconds) };
    const signature = sign("POST", ...Object.values(policy));
    return `/objects?${new URLSearchParams({ ...policy, signature })}`;
  }

  /** The policy of a path made by `uploadPath`, unless it has expired or is not from us. */
  function allowedUpload(query: URLSearchParams): UploadPolicy | undefined {
    const [key = "", contentType = "", max = "", expires = ""] = ["key", "type", "max", "expires"].map(
      (name) => query.get(name) ?? "",
    );
    const isOurs = isSignature(query.get("signature"), "POST", key, contentType, max, expires);
    if (!isOurs || !isAhead(expires) || !isKey(key)) return undefined;
    return { key, contentType, maxBytes: Number(max) };
  }

  function sign(...parts: readonly string[]): string {
    return createHmac("sha256", secret).update(parts.join("\n")).digest("base64url");
  }

  function isSignature(received: string | null, ...parts: readonly string[]): boolean {
    // As text: several texts of base64 stand for the same bytes.
    const a = Buffer.from(received ?? "");
    const b = Buffer.from(sign(...parts));
    return a.length === b.length && timingSafeEqual(a, b);
  }
}

function expiry(seconds: number): string {
  return String(Math.round(Date.now() + seconds * 1000));
}

function isAhead(expires: string): boolean {
  return /^\d{1,15}$/.test(expires) && Date.now() < Number(expires);
}
