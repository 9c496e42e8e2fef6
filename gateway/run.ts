/** A gateway as a process: from its start to the signal that ends it. */
import { endIfHungUp } from "../common/terminal.ts";
import { type ServeOptions, serve } from "./serve.ts";

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
