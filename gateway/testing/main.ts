/**
 * `main.ts` with the stand-in for the worker, or the file TEST_WORKER, the pages of the folder TEST_PAGES, and rounds
 * that tests can wait for.
 */
import { pino } from "pino";
import { readConfig } from "../config.ts";
import { run } from "../serve.ts";
import { testPace, watchedWorker } from "./service.ts";

process.stdin.resume().once("end", () => process.exit(1)); // no gateway outlives the test that started it
const { config } = readConfig(process.argv.slice(2), process.env);
const log = pino({ level: config["log-level"] }, pino.destination(2));
const worker = watchedWorker(process.env.TEST_WORKER ?? "gateway/testing/worker.ts");
const { TEST_PAGES: pages } = process.env;
await run({ config, env: process.env, log, worker, pace: testPace, ...(pages && { pages }) });
