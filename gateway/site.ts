/** The site around the pages: their files and policy, `GET /site.json`, and the network that it offers. */
import type { Logger } from "pino";
import { keys, type Site } from "../protocol/protocol.ts";
import type { ObjectStore } from "../stores/object-store.ts";
import { BrowserWeights } from "./browser-weights.ts";
import type { Config } from "./config.ts";
import { closedPolicy, type Route } from "./http.ts";
import { createPagesRoute, readPages } from "./pages-route.ts";

export interface SiteParts {
  readonly config: Config;
  readonly log: Logger;
  readonly objects: ObjectStore;
  /** Of the built pages; they need not be there. */
  readonly folder: string;
  /** Pixels of the long side of the largest result, as the workers that there are make them. */
  readonly maxSize: () => Promise<number>;
}

/** Throws ConfigError for weights that can't be offered. */
export async function openSite({ config, log, objects, folder, maxSize }: SiteParts) {
  const { "browser-weights": file } = config;
  const weights = file === undefined ? undefined : await BrowserWeights.open(file);
  const pages = await readPages(folder);
  if (pages === undefined) log.warn({ folder }, "the pages are not built: npm run build:pages");
  const policy = remembered(async () => pagePolicy(await storeOrigins(objects)));
  const routes: Route[] = [
    createSiteRoute(remembered(async () => siteOf(config, await maxSize(), weights?.url))),
    createPagesRoute(pages, policy),
  ];
  return {
    routes: weights === undefined ? routes : [...routes, weights.route],
    async [Symbol.asyncDispose]() {
      await weights?.[Symbol.asyncDispose]();
    },
  };
}

/**
 * The Content-Security-Policy of the pages and of their scripts, as workers go by their own. `'self'` of connect-src
 * has the gateway's websocket in it (CSP 3, 6.7.2.8; Chromium, Firefox, Safari from 15.4 on).
 */
export function pagePolicy(storeOrigins: readonly string[]): string {
  const store = storeOrigins.map((origin) => ` ${origin}`).join("");
  return [
    closedPolicy,
    "script-src 'self'",
    "style-src 'self'",
    "worker-src 'self'",
    "manifest-src 'self'",
    `img-src 'self' blob: data:${store}`,
    `connect-src 'self'${store}`,
  ].join("; ");
}

/** Where the URLs lead that the store gives to pages: public pictures, private ones, uploads. Throws StoreError. */
export async function storeOrigins(objects: ObjectStore): Promise<string[]> {
  const contentType = "image/jpeg";
  const picture = keys.upload("origin", contentType);
  const [url, form] = await Promise.all([
    objects.presign(picture, 1),
    objects.presignUpload(picture, { contentType, maxBytes: 1, seconds: 1 }),
  ]);
  const urls = [objects.publicUrl(keys.style("origin.jpg")), url, form.url];
  return [...new Set(urls.map((each) => new URL(each).origin))].sort();
}

/** Makes it once; what failed is tried again by the next who asks. */
function remembered<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

function siteOf(config: Config, maxSize: number, weightsUrl: string | undefined): Site {
  return {
    maxImageBytes: config["max-image-bytes"],
    maxPixels: config["max-pixels"],
    maxSize,
    maxSteps: config["max-steps"],
    needsLogin: config["jwt-secret"] !== undefined || config["jwt-public-key"] !== undefined,
    ...(weightsUrl === undefined ? {} : { weightsUrl }),
  };
}

function createSiteRoute(site: () => Promise<Site>): Route {
  return async (request, response) => {
    const isRead = request.method === "GET" || request.method === "HEAD";
    if (!isRead || request.url?.split("?", 1)[0] !== "/site.json") return false;
    const body = JSON.stringify(await site());
    response.writeHead(200, {
      "Content-Type": "application/json",
      "Content-Length": Buffer.byteLength(body),
      "Cache-Control": "no-cache",
    });
    response.end(body);
    return true;
  };
}
