/** A request for a job, repeated until it is answered, with one job as its outcome. */
import type { Accepted, JobOptions } from "../protocol/protocol.ts";
import { type ServiceConnection, ServiceError } from "./connection.ts";
import { OutgoingPicture } from "./pictures.ts";

export interface StyleRequest {
  /** JPEG, PNG or WebP. A `File` of a form is one. */
  readonly image: Blob;
  /** A style's name, or a picture of one's own. */
  readonly style: string | Blob;
  /** Whether the result is its owner's alone; otherwise it is shown to everyone. */
  readonly isPrivate: boolean;
  readonly options?: JobOptions | undefined;
}

/** Bytes of the request's pictures that have been uploaded; those of small ones go with the request. */
export interface UploadProgress {
  readonly sent: number;
  readonly total: number;
}

export interface SendOptions {
  /** Told before and after each upload and, in browsers, meanwhile. */
  readonly onUploadProgress?: ((progress: UploadProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A request's pictures; a style may be a name. */
interface RequestPictures {
  readonly content: OutgoingPicture;
  readonly style: OutgoingPicture | string;
}

/** Throws ServiceError, and what `signal` was aborted with; an answer that is on its way is waited for. */
export async function startJob(
  connection: ServiceConnection,
  { image, style, isPrivate, options }: StyleRequest,
  { inlineBytes, signal, onUploadProgress }: SendOptions & { readonly inlineBytes: number },
): Promise<Accepted> {
  const own = typeof style === "string" ? style : await OutgoingPicture.of(style);
  const pictures = { content: await OutgoingPicture.of(image), style: own };
  const waitOut = connection.patience(signal);
  let idempotencyKey = randomKey();
  let wasLost = false;
  let isRenewed = false;
  for (;;) {
    // A message that is too large for the gateway ends the connection, too: after a loss all pictures are uploaded.
    const limit = wasLost ? 0 : inlineBytes;
    const sources = await sourcesOf(pictures, connection, { inlineBytes: limit, signal, onUploadProgress });
    const request = { ...sources, isPrivate, ...(options && { options }), idempotencyKey };
    try {
      const accepted = await connection.send("TRANSFER_STYLE", request, signal);
      if (accepted) return accepted;
      wasLost = true;
    } catch (error) {
      const isUsed = wasLost && error instanceof ServiceError && error.code === "unknown-upload";
      if (isUsed && !isRenewed) {
        // A job that was started without our hearing of it has used the uploads; the key leads to it.
        pictures.content.forgetUpload();
        if (typeof own !== "string") own.forgetUpload();
        isRenewed = true;
      } else {
        await waitOut(error);
        if (!wasLost) idempotencyKey = randomKey(); // the old one may stand for a job that could not be started
      }
    }
  }
}

async function sourcesOf(
  { content, style }: RequestPictures,
  connection: ServiceConnection,
  { inlineBytes, signal, onUploadProgress = () => {} }: SendOptions & { readonly inlineBytes: number },
) {
  const total = content.bytes + (typeof style === "string" ? 0 : style.bytes);
  const tell = (sent: number) => onUploadProgress({ sent, total });
  tell(0);
  const image = await content.source(connection, inlineBytes, { signal, onSent: tell });
  tell(content.bytes);
  if (typeof style === "string") return { image, style };
  const onSent = (bytes: number) => tell(content.bytes + bytes);
  const sources = { image, style: await style.source(connection, inlineBytes, { signal, onSent }) };
  tell(total);
  return sources;
}

/** 128 random bits in hexadecimal. Browsers have `crypto.randomUUID` for pages of secure origins alone. */
function randomKey(): string {
  const bytes = [...crypto.getRandomValues(new Uint8Array(16))];
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
