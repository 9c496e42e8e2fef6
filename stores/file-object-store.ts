/** Objects as files: the key is the path, the extension the type. Several processes may share the folder. */
import { randomBytes, randomUUID } from "node:crypto";
import { constants, type FileHandle, lstat, open, readFile, realpath, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder } from "../engine/make-folder.ts";
import {
  attempt,
  keysBelow,
  makeFolders,
  orNoObject,
  orUndefined,
  type Pieces,
  removeOldTemporaries,
  temporaryFolder,
  writeAtomically,
} from "./object-files.ts";
import {
  contentTypeOf,
  keyPath,
  type ListOptions,
  maxPage,
  type ObjectInfo,
  type ObjectStore,
  type PutOptions,
  requireKey,
  requirePublicKey,
  requireTypedKey,
  StoreError,
  traceObject,
  type UploadTerms,
} from "./object-store.ts";
import { urlSigner } from "./url-signer.ts";

export interface FileObjectStoreOptions {
  /** Where `createObjectRoutes` answers, such as `http://127.0.0.1:3000`; a function where that is known later only. */
  readonly baseUrl: string | (() => string);
}

/** An object that is open for reading; whoever asked for it closes it. */
export interface OpenObject {
  readonly handle: FileHandle;
  readonly info: ObjectInfo;
}

const secretFile = ".secret";
const secretBytes = 32;

export class FileObjectStore implements ObjectStore {
  readonly #root: string;
  readonly #baseUrl: () => string;
  readonly signer: ReturnType<typeof urlSigner>;

  private constructor(root: string, secret: Uint8Array, baseUrl: () => string) {
    this.#root = root;
    this.#baseUrl = baseUrl;
    this.signer = urlSigner(secret);
  }

  /**
   * Opens the store in `folder`, which is made where there is none, for this user alone; `.secret` in it signs URLs.
   * Throws StoreError.
   */
  static async open(folder: string, { baseUrl }: FileObjectStoreOptions): Promise<FileObjectStore> {
    return attempt(`to open the folder '${folder}'`, async () => {
      makeFolder(join(folder, temporaryFolder), 0o700);
      const root = await realpath(folder);
      await removeOldTemporaries(join(root, temporaryFolder));
      const secret = await sharedSecret(root);
      return new FileObjectStore(root, secret, typeof baseUrl === "string" ? () => baseUrl : baseUrl);
    });
  }

  async put(key: string, body: Uint8Array, options: PutOptions) {
    return this.putPieces(key, [body], options);
  }

  /** As `put`, with a body that comes in pieces. What `pieces` throws is thrown on, and nothing is written. */
  async putPieces(key: string, pieces: Pieces, { contentType, ifAbsent = false }: PutOptions) {
    requireTypedKey(key, contentType);
    traceObject("write", key);
    return attempt(`to write '${key}'`, async () => {
      await makeFolders(this.#root, key);
      return writeAtomically(this.#root, key, pieces, ifAbsent);
    });
  }

  async get(key: string) {
    const object = await this.open(key);
    traceObject(object === undefined ? "find no" : "read", key);
    if (object === undefined) return undefined;
    return attempt(`to read '${key}'`, async () => {
      await using handle = object.handle;
      return { body: await handle.readFile(), contentType: contentTypeOf(key) };
    });
  }

  async head(key: string) {
    requireKey(key);
    return attempt(`to read '${key}'`, async () => {
      const path = join(this.#root, key);
      if ((await orNoObject(realpath(path))) !== path) return undefined;
      const stats = await orNoObject(lstat(path));
      return stats?.isFile() ? { key, size: stats.size, modified: stats.mtimeMs } : undefined;
    });
  }

  /** Opens a regular file that no link leads to; undefined where there is none. */
  async open(key: string): Promise<OpenObject | undefined> {
    requireKey(key);
    return attempt(`to read '${key}'`, async () => {
      const path = join(this.#root, key);
      if ((await orNoObject(realpath(path))) !== path) return undefined;
      // Without O_NONBLOCK, opening a pipe waits for its writer.
      const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
      const handle = await orNoObject(open(path, flags));
      if (handle === undefined) return undefined;
      const stats = await handle.stat();
      if (stats.isFile()) return { handle, info: { key, size: stats.size, modified: stats.mtimeMs } };
      await handle.close();
      return undefined;
    });
  }

  async copy(from: string, to: string) {
    requireTypedKey(to, contentTypeOf(from));
    const object = await this.open(from);
    if (object === undefined) return false;
    await using handle = object.handle;
    return await this.putPieces(to, handle.createReadStream(), { contentType: contentTypeOf(from) });
  }

  async delete(key: string) {
    if ((await this.head(key)) === undefined) return;
    traceObject("delete", key);
    await attempt(`to delete '${key}'`, () => rm(join(this.#root, key), { force: true }));
  }

  async list(prefix: string, { limit, cursor = "" }: ListOptions) {
    return attempt(`to list '${prefix}'`, async () => {
      const objects: ObjectInfo[] = [];
      for await (const key of keysBelow(this.#root, prefix, cursor)) {
        const last = objects.at(-1);
        if (last !== undefined && objects.length >= Math.min(limit, maxPage))
          return { objects, next: last.key };
        const stats = await orNoObject(lstat(join(this.#root, key)));
        if (stats?.isFile()) objects.push({ key, size: stats.size, modified: stats.mtimeMs });
      }
      return { objects };
    });
  }

  async presign(key: string, seconds: number) {
    requireKey(key);
    return this.#url(this.signer.readPath(key, seconds));
  }

  publicUrl(key: string) {
    requirePublicKey(key);
    return this.#url(`/objects/${keyPath(key)}`);
  }

  async presignUpload(key: string, { contentType, maxBytes, seconds }: UploadTerms) {
    requireTypedKey(key, contentType);
    return { url: this.#url(this.signer.uploadPath({ key, contentType, maxBytes }, seconds)), fields: {} };
  }

  /** Whether a file can be written. */
  async check() {
    await attempt("to write a file", async () => {
      const temporary = join(this.#root, temporaryFolder, randomUUID());
      await using handle = await open(temporary, "wx", 0o600);
      await handle.appendFile("check").finally(() => rm(temporary, { force: true }));
    });
  }

  #url(path: string): string {
    return this.#baseUrl().replace(/\/$/, "") + path;
  }
}

async function sharedSecret(root: string): Promise<Uint8Array> {
  const path = join(root, secretFile);
  if ((await orUndefined(stat(path))) === undefined)
    await writeAtomically(root, secretFile, [randomBytes(secretBytes)], true);
  const secret = await readFile(path);
  if (secret.length === secretBytes) return secret;
  throw new StoreError(`Expected ${secretBytes} bytes in '${path}' but found ${secret.length}.`);
}
