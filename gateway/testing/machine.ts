/** One machine for tests of faults: a folder of its own for each test, and gateways as processes on it. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { dataUrl } from "./client.ts";
import { GatewayProcess, WorkerWatch } from "./process.ts";
import { testPicture, writeStyles } from "./service.ts";

export class TestMachine {
  folder = "";
  workers!: WorkerWatch;
  /** A small picture, as a data URL. */
  image = "";

  /** For one file of tests: the folder is made before each test and removed after it. */
  constructor() {
    beforeEach(async () => {
      this.folder = await mkdtemp(join(tmpdir(), "stylize-faults-"));
      await mkdir(join(this.folder, "workers"));
      await writeStyles(join(this.folder, "objects"));
      this.workers = new WorkerWatch(join(this.folder, "workers"));
      this.image = dataUrl(await testPicture("teal"));
    });
    afterEach(() => rm(this.folder, { recursive: true, force: true }));
  }

  /** A gateway whose workers are watched. */
  start(flags: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<GatewayProcess> {
    return GatewayProcess.start(["--data", this.folder, ...flags], { ...this.workers.env, ...env });
  }
}
