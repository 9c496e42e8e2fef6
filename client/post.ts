/** Sends a form. `fetch` tells nobody how much of it was sent; so browsers do it as they did before. */

export interface PostOptions {
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

/** The answer's status; 0 where there was none. Throws what `signal` was aborted with. */
export async function post(url: string, form: FormData, options: PostOptions): Promise<number> {
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
