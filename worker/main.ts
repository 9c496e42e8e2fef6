/**
 * A worker, as AWS Batch and a gateway on one machine start it: `node worker/main contentKey style requestId
 * [optionsJson]`.
 *
 * `--drain` takes jobs from standard input instead (tasks.ts). The environment is config.ts's, the exit status
 * exit-codes.ts's; logs are JSON on standard error.
 */
import type { Logger } from "pino";
import { ConfigError } from "../common/config-values.ts";
import { endIfHungUp } from "../common/terminal.ts";
import { StylizeError } from "../engine/errors.ts";
import { exitCodes } from "../protocol/exit-codes.ts";
import { loadDefaultNetwork, loadNetwork, TuningFiles } from "../weights/index.ts";
import { parseConfig, type WorkerConfig } from "./config.ts";
import { type JobDeps, runJob } from "./job.ts";
import { createLog, openGpu, stopSignal } from "./process.ts";
import { openStores } from "./stores.ts";
import { drain, parseArguments, type Task } from "./tasks.ts";

async function main(): Promise<number> {
  let config: WorkerConfig;
  try {
    config = parseConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const log = createLog("info");
    for (const sentence of error.sentences) log.fatal(sentence);
    return exitCodes["bad-config"];
  }
  const log = createLog(config.logLevel);
  let task: Task;
  try {
    task = parseArguments(process.argv.slice(2));
  } catch (error) {
    log.fatal((error as Error).message);
    return exitCodes["bad-input"];
  }
  try {
    return await work(task, config, log);
  } catch (error) {
    log.fatal({ err: error }, "the worker failed");
    return error instanceof StylizeError ? exitCodeOf(error) : exitCodes.failed;
  }
}

async function work(task: Task, config: WorkerConfig, log: Logger): Promise<number> {
  const { weights, cache, limits, parentPipe, requireGpu } = config;
  const signal = stopSignal(log, parentPipe ? process.stdin : undefined);
  using context = await openGpu(requireGpu, (sentence) => log.debug(sentence));
  const network = weights === undefined ? await loadDefaultNetwork(context) : await loadNetwork(weights);
  const deps = {
    ...(await openStores(config, process.env)),
    clock: Date.now,
    context,
    network,
    tuning: new TuningFiles(process.env, cache),
    limits,
    signal,
    log,
  };
  if (task.mode === "drain") return await drainInput(deps); // before the context goes
  if (parentPipe) process.stdin.resume(); // its end is seen only where it is read
  return exitCodes[await runJob(task.job, deps)];
}

async function drainInput(deps: JobDeps): Promise<number> {
  const lost = new AbortController(); // a lost GPU can't be had again in this process
  void deps.context.device.lost.then(() => lost.abort());
  const outcome = await drain({
    input: process.stdin,
    output: process.stdout,
    signal: AbortSignal.any([deps.signal, lost.signal]),
    run: (job) => runJob(job, deps),
    onBadLine: (error) => deps.log.error(error.message),
  });
  return lost.signal.aborted ? exitCodes.failed : exitCodes[outcome];
}

/** What goes wrong before there is a job. */
function exitCodeOf({ code }: StylizeError): number {
  if (code === "no-adapter") return exitCodes["no-gpu"];
  const isConfig = code === "bad-weights" || code === "file-not-found";
  return isConfig ? exitCodes["bad-config"] : exitCodes.failed;
}

const status = await main();
endIfHungUp();
process.exit(status);
