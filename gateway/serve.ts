/** A gateway with all that its configuration names, and as a process: from its start to the signal that ends it. */
import { networkInterfaces } from "node:os";
import { extname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Logger } from "pino";
import { opened } from "../common/disposal.ts";
import { endIfHungUp } from "../common/terminal.ts";
import type { Pace } from "./background.ts";
import type { Config } from "./config.ts";
import { type Gateway, startGateway } from "./gateway.ts";
import { maxSize, workerProgram } from "./own-workers.ts";
import { removeOldAlways } from "./retention.ts";
import { openSite } from "./site.ts";
import { openStores } from "./stores.ts";

export interface ServeOptions {
  readonly config: Config;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Logger;
  /** Node's arguments for a worker, in front of the worker's own; the real worker when not given. */
  readonly worker?: readonly string[];
  /** The same for the program that tells whether workers have a GPU. */
  readonly hasGpu?: readonly string[];
  /** Folder of the built pages; service/dist/pages when not given. */
  readonly pages?: string;
  /** For tests that can't wait. */
  readonly pace?: Pace;
}

export interface ServedGateway extends Gateway {
  /** Where browsers reach it. */
  readonly url: string;
}

/** Starts all that the configuration asks for. The caller closes it. */
export function serve(options: ServeOptions): Promise<ServedGateway> {
  const { config, env, log, pages = builtPages, pace = {} } = options;
  const { worker = workerProgram("main"), hasGpu = workerProgram("has-gpu") } = options;
  const onError = (error: unknown) => log.error({ err: error, where: "closing" }, "something failed");
  const onStoreError = (error: unknown) => log.error({ err: error }, "a store failed");
  return opened(onError, async (disposal) => {
    let address = config["public-url"] ?? "";
    const baseUrl = () => address;
    const data = resolve(config.data);
    const stores = disposal.use(await openStores({ config, env, log, worker, data, baseUrl }));
    const { objects } = stores;
    const siteParts = { config, log, objects, folder: pages, maxSize: () => maxSize(config, hasGpu) };
    const site = disposal.use(await openSite(siteParts));
    const routes = [...stores.routes, ...site.routes];
    const gateway = await startGateway({ ...stores, config, log, routes, pace });
    disposal.defer(() => gateway.close());
    address ||= `http://${reachableHost(config.host)}:${gateway.port}`;
    if (config.bucket === undefined)
      disposal.defer(removeOldAlways(objects, config["retention-days"], onStoreError));
    return { port: gateway.port, url: address, close: () => disposal[Symbol.asyncDispose]() };
  });
}

/**
 * Says where it listens on standard output. SIGTERM, SIGINT and SIGHUP drain and exit with 0; a second one does not
 * wait, unless it is SIGHUP.
 */
export async function run(options: ServeOptions): Promise<void> {
  const { config, log } = options;
  const gateway = await serve(options);
  let isClosing = false;
  const close = (signal: NodeJS.Signals) => {
    if (isClosing && signal === "SIGHUP") return; // a closed terminal tells more than once
    if (isClosing) process.exit(130);
    isClosing = true;
    log.info({ signal }, "draining");
    const limit = setTimeout(() => {
      log.error("work at hand did not end in time");
      process.exit(1);
    }, config["drain-seconds"] * 1000);
    limit.unref();
    gateway.close().then(
      () => {
        endIfHungUp();
        process.exit(0);
      },
      (error: unknown) => {
        log.error({ err: error }, "closing failed");
        process.exit(1);
      },
    );
  };
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, close);
  process.stdout.on("error", () => {}); // nobody needs to read on
  process.stdout.write(`Listening on ${gateway.url}\n`);
}

/** For a host that means all of this machine's addresses, one that others can reach. */
function reachableHost(host: string): string {
  const isAny = host === "0.0.0.0" || host === "::";
  const addresses = isAny ? Object.values(networkInterfaces()).flat() : [];
  const outer = addresses.find((address) => address?.family === "IPv4" && !address.internal)?.address;
  const named = outer ?? (isAny ? "127.0.0.1" : host);
  return named.includes(":") ? `[${named}]` : named;
}

/** Where `npm run build:pages` puts them. */
const builtPages = fileURLToPath(
  new URL(extname(import.meta.url) === ".ts" ? "../service/dist/pages" : "../pages", import.meta.url),
);
