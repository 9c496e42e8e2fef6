/** Which page is shown: the part of the address behind `#`, which never reaches a server. */
import { useEffect, useState } from "preact/hooks";

export type Route =
  | { readonly page: "request" }
  | { readonly page: "feed" }
  | { readonly page: "mine" }
  /** The token is there only in links that were made to take a job along to another browser. */
  | { readonly page: "job"; readonly jobId: string; readonly token: string | undefined }
  /** A picture that this browser paints by itself. */
  | { readonly page: "local" }
  | { readonly page: "unknown" };

const jobPath = /^job\/([0-9a-f]{32})(?:\/([A-Za-z0-9_-]{43}))?$/;

export function parseRoute(hash: string): Route {
  const path = hash.replace(/^#?\/?/, "").replace(/\/$/, "");
  if (path === "") return { page: "request" };
  if (path === "feed" || path === "mine" || path === "local") return { page: path };
  const [, jobId, token] = jobPath.exec(path) ?? [];
  return jobId === undefined ? { page: "unknown" } : { page: "job", jobId, token };
}

export const hrefOf = {
  request: "#/",
  feed: "#/feed",
  mine: "#/mine",
  local: "#/local",
  job: (jobId: string) => `#/job/${jobId}`,
} as const;

export function go(href: string): void {
  location.hash = href;
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const read = () => setRoute(parseRoute(location.hash));
    addEventListener("hashchange", read);
    return () => removeEventListener("hashchange", read);
  }, []);
  return route;
}
