/** A request on its way: pictures are sent, the job is kept, its page is shown. */
import { useEffect, useRef, useState } from "preact/hooks";
import { type Accepted, type JobOptions, ServiceError, type UploadProgress } from "../../client/index.ts";
import { remember } from "../own-jobs.ts";
import { go, hrefOf } from "../router.ts";
import { limits, service } from "../service.ts";
import type { PictureField } from "./picture-file.ts";
import { redraw } from "./picture-file.ts";
import { type Problems, refusalOf } from "./problems.ts";

export interface PaintRequest {
  readonly content: PictureField;
  /** A style's name, or the visitor's own. */
  readonly style: string | PictureField;
  readonly isPrivate: boolean;
  readonly options: JobOptions;
}

/** `progress` is undefined while nothing is being sent. */
export function useSending() {
  const [progress, setProgress] = useState<UploadProgress>();
  const controller = useRef<AbortController>(undefined);
  const isShown = useRef(true);
  useEffect(
    () => () => {
      isShown.current = false;
    },
    [],
  );

  /** Resolves with what was refused; empty where the job was accepted, or `cancel` was called. */
  const send = async (request: PaintRequest): Promise<Problems> => {
    controller.current = new AbortController();
    const { signal } = controller.current;
    setProgress({ sent: 0, total: 0 });
    try {
      const job = await transfer(request, signal, setProgress);
      keep(job, request, isShown.current);
    } catch (error) {
      if (!signal.aborted) return refusalOf(error, typeof request.style !== "string");
    } finally {
      setProgress(undefined);
    }
    return {};
  };
  return { progress, send, cancel: () => controller.current?.abort() };
}

/**
 * A picture that is refused is drawn anew, once: browsers, and so people, see nothing wrong with many slightly damaged
 * files.
 */
async function transfer(
  { content, style, isPrivate, options }: PaintRequest,
  signal: AbortSignal,
  onUploadProgress: (progress: UploadProgress) => void,
): Promise<Accepted> {
  const sent = [content, style].filter((one) => typeof one !== "string");
  let pictures = sent.map(({ picture }) => picture!);
  for (;;) {
    const [image, own] = pictures.map(({ blob }) => blob);
    const request = { image: image!, style: typeof style === "string" ? style : own!, isPrivate, options };
    try {
      return await service.transferStyle(request, { signal, onUploadProgress });
    } catch (error) {
      const isBad = error instanceof ServiceError && error.code === "bad-picture";
      if (!isBad || pictures.every(({ isRedrawn }) => isRedrawn)) throw error;
      const present = await limits();
      const drawn = pictures.map((one) => (one.isRedrawn ? one : redraw(one, present)));
      pictures = await Promise.all(drawn);
      pictures.forEach((one, i) => {
        if (one !== sent[i]!.picture) sent[i]!.replace(one);
      });
    }
  }
}

/** Whoever went to another page meanwhile stays there, and finds the job among their own. */
function keep({ jobId, token }: Accepted, { style, isPrivate }: PaintRequest, isShown: boolean): void {
  const name = typeof style === "string" ? style : undefined;
  const isKept = remember({ jobId, token, isPrivate, createdAt: Date.now(), style: name });
  if (!isKept) go(`${hrefOf.job(jobId)}/${token}`);
  else if (isShown) go(hrefOf.job(jobId));
}
