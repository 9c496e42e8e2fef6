/**
 * The real worker, killed at ten random moments of its jobs' lives: each picture is painted all the same, and told of
 * once.
 */
import { watch } from "node:fs";
import { mkdir, readdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { expect, it } from "vitest";
import type { Accepted, JobProgress } from "../protocol/protocol.ts";
import { dataUrl, until } from "./testing/client.ts";
import { Follower } from "./testing/follower.ts";
import { WorkerKills } from "./testing/kills.ts";
import { TestMachine } from "./testing/machine.ts";

const machine = new TestMachine();
const folderOf = (name: string) => join(machine.folder, name);
/** A worker's start takes seconds of a core, and two share the cores. */
const patienceMs = 120_000;

type Moment = "starting" | "painting" | "writing";
const ten: readonly Moment[] = [
  // among them the compilation of shaders, most of what there is on a software adapter
  ...Array<Moment>(6).fill("starting"),
  ...Array<Moment>(2).fill("painting"),
  ...Array<Moment>(2).fill("writing"),
];

const noise = sharp({
  create: {
    width: 40,
    height: 40,
    channels: 3,
    background: "black",
    noise: { type: "gaussian", mean: 128, sigma: 40 },
  },
});

function shuffled<T>(values: readonly T[]): T[] {
  const placed = values.map((value) => ({ value, place: Math.random() }));
  return placed.sort((a, b) => a.place - b.place).map(({ value }) => value);
}

/** Calls `act` at the first file that anybody begins to write among the objects, until `signal`. */
async function atWrite(act: () => void, signal: AbortSignal): Promise<void> {
  const watcher = watch(folderOf("objects/.temporary"), { signal });
  watcher.on("error", () => {});
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve());
    watcher.once("change", () => {
      act();
      resolve();
    });
  });
  watcher.close();
}

class Haunting {
  readonly jobs: Accepted[] = [];
  readonly #moments = shuffled(ten);
  readonly #client: Follower;
  readonly #kills: WorkerKills;
  readonly #image: string;
  /** The longest that a worker is given before it is killed in its start; less where it was done by then. */
  #startMs = 5000;

  constructor(client: Follower, image: string) {
    this.#client = client;
    this.#kills = new WorkerKills(machine, client);
    this.#image = image;
  }

  get kills(): number {
    return this.#kills.count;
  }

  /** Job after job, whose first two of three attempts are killed, until all moments are used. */
  async run(): Promise<void> {
    while (this.#moments.length > 0) {
      const isPrivate = this.jobs.length % 2 === 1;
      const options = { steps: 6 };
      const job = await this.#client.start({ image: this.#image, style: "works.jpg", isPrivate, options });
      this.jobs.push(job);
      for (let attempt = 1; attempt <= 2; attempt++) {
        const moment = this.#moments.pop();
        if (moment === undefined || (await this.#strike(moment, job))) continue;
        this.#moments.push(moment); // the job was done before
        this.#startMs /= 2;
        break;
      }
      expect(await this.#client.outcome(job, patienceMs)).toBe("succeeded");
    }
  }

  /** Kills the job's next attempt; false where it ended before. */
  async #strike(moment: Moment, job: Accepted): Promise<boolean> {
    const heard = this.#steps(job);
    const pid = await this.#kills.next(job);
    if (pid === undefined) return false;
    if (moment === "starting") {
      await sleep(Math.random() * this.#startMs);
      return this.#kills.kill(pid);
    }
    const isAtWork = () => this.#steps(job) > heard || this.#client.hasEnded(job);
    await until(isAtWork, "a step", patienceMs);
    if (moment === "painting") {
      await sleep(Math.random() * 500);
      return this.#kills.kill(pid);
    }
    let isStruck = false;
    const over = new AbortController();
    const strike = () => {
      isStruck = this.#kills.kill(pid);
    };
    await Promise.race([
      atWrite(strike, over.signal),
      until(() => this.#client.hasEnded(job), "the end of the job", patienceMs),
    ]).finally(() => over.abort());
    return isStruck;
  }

  /** How often the job's worker told how far it is. */
  #steps({ jobId }: Accepted): number {
    const told = this.#client.all(`JOB_PROGRESS::${jobId}`) as JobProgress[];
    return told.filter(({ step }) => step !== undefined).length;
  }
}

it("killed ten times, it paints each picture, and leaves no part of one", { timeout: 600_000 }, async () => {
  const env = { TEST_WORKER: "worker/main.ts", STYLIZE_CHECKPOINT_SECONDS: "1" };
  const flags = ["--weights", "compact-small", "--workers", "2"];
  const gateway = await machine.start(flags, env);
  await using _gateway = gateway;
  using client = await Follower.connect(gateway.port);
  await mkdir(folderOf("objects/private/checkpoint"), { recursive: true });
  const haunting = new Haunting(client, dataUrl(await noise.png().toBuffer(), "image/png"));
  await Promise.all([haunting.run(), haunting.run()]);
  expect(haunting.kills).toBe(ten.length);

  const { jobs } = haunting;
  await until(() => machine.workers.running().length === 0, "the end of the workers");
  const checkpoints = () => readdir(folderOf("objects/private/checkpoint"));
  await until(async () => (await checkpoints()).length === 0, "the end of the checkpoints");
  for (const job of jobs) {
    expect(client.timesTold(job)).toBe(1);
    const response = await fetch((await client.job(job)).result!);
    const picture = sharp(await response.arrayBuffer());
    expect(await picture.metadata()).toMatchObject({ format: "png", width: 40, height: 40 });
    expect((await picture.stats()).entropy).toBeGreaterThan(4); // a colour alone has 0
  }

  // What workers had begun to write when they were killed goes with the next start, once it is too old to be another's.
  const begun = ["objects/.temporary", "messages/new"].map(folderOf);
  for (const folder of begun)
    for (const name of await readdir(folder)) await utimes(join(folder, name), 0, 0);
  expect(await gateway.kill("SIGTERM")).toEqual({ code: 0, signal: null });
  await using _next = await machine.start([]);
  for (const folder of begun)
    await until(async () => (await readdir(folder)).length === 0, "an empty folder");
});
