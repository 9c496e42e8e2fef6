/** A gateway as a process: from its start to the signal that ends it. */
import { type ServeOptions, serve } from "./serve.ts";

/** Says where it listens on standard output. SIGTERM and SIGINT drain and exit with 0; a second one does not wait. */
export async function run(options: ServeOptions): Promise<void> {
  const { config, log } = options;
  const gateway = await serve(options);
  process.stdout.write(`Listening on ${gateway.url}\n`);
  let isClosing = false;
  const close = (signal: NodeJS.Signals) => {
    if (isClosing) process.exit(130);
    isClosing = true;
    log.info({ signal }, "draining");
    const limit = setTimeout(() => {
      log.error("work at hand did not end in time");
      process.exit(1);
    }, config["drain-seconds"] * 1000);
    limit.unref();
    gateway.close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, "closing failed");
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", close);
  process.on("SIGINT", close);
}
