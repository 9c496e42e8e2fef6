/** The load test's flags. */
import { Command, Option } from "commander";
import { integer } from "../options.ts";

/**
 * "local": all in files and memory. "redis": records and news between gateways in Redis. "cloud": Redis, and S3 and SQS
 * over the wire.
 */
export type StoreKind = "local" | "redis" | "cloud";

export interface LoadOptions {
  readonly clients: number;
  /** Jobs a second. */
  readonly rate: number;
  readonly seconds: number;
  /** Seconds of the same load before, whose deliveries are checked and whose times don't count. */
  readonly warmUp: number;
  readonly gateways: number;
  readonly stores: StoreKind;
  /** Milliseconds from a job's being submitted to its result. */
  readonly work: number;
  /** News of progress before a job's result. */
  readonly progress: number;
  /** Seconds between public jobs. */
  readonly publicEvery: number;
  /** Processes that the clients are spread over. */
  readonly clientProcesses: number;
  /** Folder of a profile of each gateway. */
  readonly cpuProf?: string;
  readonly json?: string;
}

export function loadCommand(): Command {
  return new Command("bench:service")
    .usage("[options]")
    .description(
      "Measures gateways under load: real clients, real pictures, real stores, and a stand-in for the worker.",
    )
    .option("--clients <n>", "Clients that stay connected.", number(1, 20_000), 2000)
    .option("--rate <n>", "Jobs a second, of all clients in turn.", number(1, 5000), 200)
    .option("--seconds <n>", "How long.", number(4, 3600), 60)
    .option("--warm-up <n>", "Seconds of the same load before, not timed.", number(0, 60), 5)
    .option("--gateways <n>", "Gateways; more than one needs Redis.", number(1, 4), 1)
    .addOption(
      new Option("--stores <kind>", "Files and memory; Redis and files; or Redis, S3 and SQS.")
        .choices(["local", "redis", "cloud"])
        .default("local"),
    )
    .option(
      "--work <ms>",
      "From a job's being submitted to its result, give or take half.",
      number(1, 60_000),
      200,
    )
    .option("--progress <n>", "News of progress of each job.", number(0, 20), 0)
    .option("--public-every <s>", "Seconds between public jobs.", number(1, 60), 5)
    .option("--client-processes <n>", "Processes of clients.", number(1, 16), 2)
    .option("--cpu-prof <folder>", "Write a profile of each gateway.")
    .option("--json <file>", "Write all figures to a file.");
}

const number = (min: number, max: number) => integer(min, max, "an integer");
