/**
 * The site around the pages: their files, what it says of itself at `GET /site.json`, and the network that it offers.
 */
import type { Logger } from "pino";
import type { Site } from "../protocol/protocol.ts";
import type { ObjectStore } from "../stores/object-store.ts";
import { BrowserWeights } from "./browser-weights.ts";
import type { Config } from "./config.ts";
import { pagePolicy, storeOrigins } from "./content-policy.ts";
import type { Route } from "./http.ts";
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
  const routes = [
    createSiteRoute(remembered(async () => siteOf(config, await maxSize(), weights?.url))),
    createPagesRoute(pages, policy),
  ];
  return {
    routes: weights === undefined ? routes : [...routes, weights.route],
    async close() {
      await weights?.[Symbol.asyncDispose]();
    },
  };
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
