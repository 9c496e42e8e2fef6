/** Pictures that leave the page: as files, as links, or to whatever the device shares with. */
import { useRef } from "preact/hooks";
import type { JobView } from "../../client/index.ts";

/**
 * Fetched as the file it is: addresses of other origins ignore what a link says of a file's name. Throws where it does
 * not come.
 */
export async function fetchPicture(url: string): Promise<Blob> {
  // not what <img> left in the cache, which may lack what CORS wants
  const response = await fetch(url, { cache: "no-store" });
  if (!response.ok) throw new Error(`Expected a picture at ${url} but received status ${response.status}.`);
  return response.blob();
}

/** "great-wave-3f9a1c.png": `id` tells apart what was painted in one style. */
export function pictureName(style: string | undefined, id: string): string {
  const name = style?.replace(/\.\w+$/, "").replaceAll(/[^A-Za-z0-9]+/g, "-");
  return `${name?.toLowerCase() || "stylize"}-${id.slice(0, 6)}.png`;
}

export function save(picture: Blob, name: string): void {
  const url = URL.createObjectURL(picture);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser may still be reading it
}

export type Shared = "shared" | "unwanted" | "unable" | "ask-again";

/** Hands a file to other apps. "ask-again": it took so long that the browser wants another press of the button. */
export async function shareFile(picture: Blob, name: string): Promise<Shared> {
  const files = [new File([picture], name, { type: picture.type })];
  if (!navigator.canShare?.({ files })) return "unable";
  try {
    await navigator.share({ files, title: "Painted with Stylize" });
    return "shared";
  } catch (error) {
    const { name: reason } = error as DOMException;
    if (reason === "AbortError") return "unwanted";
    return reason === "NotAllowedError" ? "ask-again" : "unable";
  }
}

/** False where the browser does not let pages write to the clipboard: only secure origins may. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

export function canShareFiles(): boolean {
  const file = new File([], "picture.png", { type: "image/png" });
  return navigator.canShare?.({ files: [file] }) ?? false;
}

/**
 * The result's bytes, fetched when first asked for. Its URL may have gone stale: then one more try with a fresh
 * one. Throws where the picture does not come.
 */
export function useResult(job: JobView, refresh: () => Promise<JobView | undefined>): () => Promise<Blob> {
  const kept = useRef<Blob | undefined>(undefined);
  return async () => {
    kept.current ??= await fetchPicture(job.result!).catch(async (error: unknown) => {
      const fresh = await refresh();
      if (fresh?.result === undefined) throw error;
      return fetchPicture(fresh.result);
    });
    return kept.current;
  };
}
