/** What keys may look like, and what follows from them: the same for every store. */
import { StoreError } from "./object-store.ts";

/** One name between slashes. It never begins with a dot: `..` is none, and neither are a store's own files. */
const namePattern = /^[A-Za-z0-9_-](?:[A-Za-z0-9 ._-]{0,198}[A-Za-z0-9_-])?$/;
const maxKeyLength = 1024;

const contentTypes: Readonly<Record<string, string>> = {
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  png: "image/png",
  webp: "image/webp",
  json: "application/json",
};

/** Objects that one page of a listing has at most; S3's own limit. */
export const maxPage = 1000;

export function isKey(key: string): boolean {
  return key.length <= maxKeyLength && key.split("/").every((name) => namePattern.test(name));
}

/** @throws StoreError for what is no key. */
export function requireKey(key: string): void {
  if (isKey(key)) return;
  throw new StoreError(
    "Expected a key of names of at most 200 letters, digits, '-', '_', '.' and spaces " +
      `but received '${key.slice(0, 80)}'.`,
    { retryable: false },
  );
}

/** The type of an object by its key's extension; `application/octet-stream` for all that we don't show. */
export function contentTypeOf(key: string): string {
  const extension = /\.([a-z]+)$/.exec(key)?.[1] ?? "";
  return contentTypes[extension] ?? "application/octet-stream";
}

/** @throws StoreError for what is no key, or one whose extension stands for another type. */
export function requireTypedKey(key: string, contentType: string): void {
  requireKey(key);
  if (contentTypeOf(key) === contentType) return;
  throw new StoreError(
    `Expected content type ${contentTypeOf(key)} for the key '${key}' but received ${contentType}.`,
    { retryable: false },
  );
}

/** Whether anybody may read the object. */
export function isPublicKey(key: string): boolean {
  return key.startsWith("public/") || key.startsWith("style/");
}

/** @throws StoreError for an object that not everybody may read. */
export function requirePublicKey(key: string): void {
  requireKey(key);
  if (isPublicKey(key)) return;
  throw new StoreError(`Expected a key under 'public/' or 'style/' but received '${key}'.`, {
    retryable: false,
  });
}

/** The key as part of a URL. */
export function keyPath(key: string): string {
  return key.split("/").map(encodeURIComponent).join("/");
}
