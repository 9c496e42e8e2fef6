/** Two gateways in the cloud for tests of faults, the same for all tests of a file. */
import { afterAll, beforeAll, beforeEach } from "vitest";
import type { Accepted } from "../../protocol/protocol.ts";
import { redisMissing } from "../../stores/testing/redis.ts";
import { dataUrl, until } from "./client.ts";
import { TestCloud } from "./cloud.ts";
import type { Follower } from "./follower.ts";
import type { GatewayProcess } from "./process.ts";
import { testPicture } from "./service.ts";

export class TestPeers {
  cloud!: TestCloud;
  a!: GatewayProcess;
  b!: GatewayProcess;
  /** A small picture, as a data URL. */
  image = "";

  /**
   * For one file of tests, where there is Redis: each test begins with two gateways and the gate closed. A message is
   * put aside after `receives` tries; `flags` count more than the cloud's own.
   */
  constructor({ receives, flags = () => [] }: { receives?: number; flags?: () => readonly string[] } = {}) {
    const start = () => this.cloud.gateway(...flags());
    beforeAll(async () => {
      if (redisMissing) return;
      this.cloud = await TestCloud.start(receives);
      [this.a, this.b] = await Promise.all([start(), start()]);
      this.image = dataUrl(await testPicture("teal"));
    });
    beforeEach(async () => {
      if (redisMissing) return;
      await this.cloud.closeGate();
      if (!this.a.isRunning) this.a = await start();
    });
    afterAll(() => this.cloud?.[Symbol.asyncDispose]());
  }

  /** For TRANSFER_STYLE. */
  request(style: string, more: object = {}): object {
    return { image: this.image, style, isPrivate: false, ...more };
  }

  /** Resolves once its worker has spoken. */
  async running(client: Follower, job: Accepted): Promise<void> {
    await until(async () => (await client.job(job)).step === 1, "a worker's word");
  }
}
