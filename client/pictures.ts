/** Pictures on their way to the service: small ones within the message, large ones by an upload of their own. */
import { type PictureType, pictureTypeOf } from "../protocol/picture-types.ts";
import { pause, type ServiceConnection, ServiceError } from "./connection.ts";

/** Tries to upload while there is a connection. */
const ATTEMPTS = 5;

export class OutgoingPicture {
  readonly #blob: Blob;
  readonly #type: PictureType;
  #uploadKey: string | undefined;

  private constructor(blob: Blob, type: PictureType) {
    this.#blob = blob;
    this.#type = type;
  }

  /** Throws ServiceError `bad-picture` for what is no JPEG, PNG or WebP by its first bytes, whatever it is called. */
  static async of(blob: Blob): Promise<OutgoingPicture> {
    const type = pictureTypeOf(new Uint8Array(await blob.slice(0, 12).arrayBuffer()));
    if (type) return new OutgoingPicture(blob, type);
    throw new ServiceError({ code: "bad-picture", message: "A picture is neither JPEG, PNG nor WebP." });
  }

  get bytes(): number {
    return this.#blob.size;
  }

  /** What a request names it by: a data URL of at most `inlineBytes`, or an upload, which is made once. */
  async source(connection: ServiceConnection, inlineBytes: number, options: PostOptions) {
    if (this.#uploadKey === undefined && this.bytes <= inlineBytes) return this.#dataUrl();
    this.#uploadKey ??= await this.#upload(connection, options);
    return { uploadKey: this.#uploadKey };
  }

  /** The upload is gone: the next `source` makes another. */
  forgetUpload(): void {
    this.#uploadKey = undefined;
  }

  async #dataUrl(): Promise<string> {
    const bytes = new Uint8Array(await this.#blob.arrayBuffer());
    let text = "";
    for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
    return `data:${this.#type};base64,${btoa(text)}`;
  }

  async #upload(connection: ServiceConnection, options: PostOptions): Promise<string> {
    const { signal, onSent } = options;
    for (let attempt = 1; ; attempt++) {
      const { uploadKey, url, fields } = await connection.ask(
        "CREATE_UPLOAD",
        { contentType: this.#type, bytes: this.bytes },
        signal,
      );
      const form = new FormData();
      for (const [name, value] of Object.entries(fields)) form.append(name, value);
      form.append("file", this.#blob.slice(0, this.bytes, this.#type), "picture");
      const status = await post(url, form, {
        signal,
        onSent: (bytes) => onSent(Math.min(bytes, this.bytes)), // less what the form has beside it
      });
      if (status >= 200 && status < 300) return uploadKey;
      if (status === 413 || status === 415)
        throw new ServiceError({
          code: "bad-picture",
          message: "A picture is too large, or not what it seems.",
        });
      if (attempt === ATTEMPTS)
        throw new ServiceError({ code: "unavailable", message: "A picture could not be uploaded." });
      await pause(250 * 2 ** attempt, signal);
    }
  }
}

interface PostOptions {
  readonly signal: AbortSignal | undefined;
  /** Told, where that can be known, how many bytes were sent so far. */
  readonly onSent: (bytes: number) => void;
}

/** What is needed of XMLHttpRequest, which Node has not. */
interface Xhr {
  readonly status: number;
  readonly upload: { onprogress: ((event: { readonly loaded: number }) => void) | null };
  onloadend: (() => void) | null;
  open(method: string, url: string): void;
  send(form: FormData): void;
  abort(): void;
}

/**
 * Sends a form, and returns the answer's status, 0 where there was none. `fetch` tells nobody how much of it was sent;
 * so browsers do it as they did before. Throws what `signal` was aborted with.
 */
async function post(url: string, form: FormData, options: PostOptions): Promise<number> {
  const { signal } = options;
  signal?.throwIfAborted();
  const { XMLHttpRequest } = globalThis as unknown as { readonly XMLHttpRequest?: new () => Xhr };
  const status = XMLHttpRequest
    ? await postByXhr(new XMLHttpRequest(), url, form, options)
    : await fetch(url, { method: "POST", body: form, ...(signal && { signal }) }).then(statusOf, () => 0);
  signal?.throwIfAborted();
  return status;
}

async function statusOf(response: Response): Promise<number> {
  await response.body?.cancel();
  return response.status;
}

async function postByXhr(xhr: Xhr, url: string, form: FormData, options: PostOptions): Promise<number> {
  const { signal, onSent } = options;
  const abort = () => xhr.abort();
  signal?.addEventListener("abort", abort);
  xhr.open("POST", url);
  xhr.upload.onprogress = ({ loaded }) => onSent(loaded);
  await new Promise<void>((resolve) => {
    xhr.onloadend = resolve;
    xhr.send(form);
  });
  signal?.removeEventListener("abort", abort);
  return xhr.status;
}
