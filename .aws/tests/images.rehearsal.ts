/**
 * The images, built from their Dockerfiles without Docker (build-here.sh) and run as containers are. `npm run
 * test:images`; takes minutes.
 */
import { execFileSync } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exitCodes } from "../../protocol/exit-codes.ts";
import { jobIdOf, keys, type WorkerJob } from "../../protocol/protocol.ts";
import { onPath } from "../../setup/system.mjs";
import { startBatch } from "../../stores/testing/batch.ts";
import { redisMissing, startRedis } from "../../stores/testing/redis.ts";
import { startFauxqs } from "../../stores/testing/s3.ts";
import { shippedNetworks } from "../../weights/shipped.ts";
import { picture, TestService } from "../../worker/testing/service.ts";
import { build, Container, type ContainerOptions, Image } from "./testing/container.ts";

const missing = missingHere();

describe.skipIf(missing !== undefined)(`images${missing ? ` (${missing})` : ""}`, () => {
  let gateway: Image;
  let worker: Image;
  /** The worker's image where a driver was put in from outside. */
  let withDriver: Image;
  let service: TestService;
  let outside: string;
  beforeAll(async () => {
    gateway = build("gateway");
    worker = build("worker");
    withDriver = new Image("localhost/stylize-worker");
    withDriver.install("mesa-vulkan-drivers");
    service = await TestService.open();
    outside = dirname(fileURLToPath(service.env.STYLIZE_OBJECTS));
  }, 1_800_000);
  afterAll(async () => {
    await service?.[Symbol.asyncDispose]();
    for (const image of [gateway, worker, withDriver]) image?.[Symbol.dispose]();
  });

  const startJob = (image: Image, job: WorkerJob, options: Partial<ContainerOptions> = {}) => {
    openToAll(outside);
    const args = [job.contentKey, job.style, job.requestId, JSON.stringify(job.options)];
    const places = {
      STYLIZE_OBJECTS: "file:///tmp/outside/objects",
      STYLIZE_QUEUE: "file:///tmp/outside/queue",
    };
    return new Container(image, { args, outside, ...options, env: { ...places, ...options.env } });
  };
  const software = { env: { STYLIZE_REQUIRE_GPU: "false" } };

  it("hold what they run and no more", () => {
    const has = (image: Image, path: string) =>
      execFileSync("sh", ["-c", `ls -d ${path} 2>/dev/null || true`], { cwd: image.root, encoding: "utf8" });
    for (const image of [gateway, worker]) {
      expect(has(image, "usr/local/bin/npm usr/local/lib/node_modules app/node_modules/typescript")).toBe("");
      expect(has(image, "app/node_modules/@img/*")).toBe(
        ["colour", "sharp-libvips-linux-x64", "sharp-linux-x64"]
          .map((name) => `app/node_modules/@img/${name}\n`)
          .join(""),
      );
      expect(execFileSync("find", ["app", "-not", "-perm", "-o=r"], { cwd: image.root }).length).toBe(0);
      expect(
        execFileSync("find", ["app", "-perm", "/o=w", "-not", "-type", "l"], { cwd: image.root }).length,
      ).toBe(0);
    }
    expect(has(gateway, "app/node_modules/webgpu")).toBe("");
    expect(has(gateway, "app/dist/pages/index.html")).not.toBe("");
    expect(has(worker, "app/node_modules/webgpu/dist/*")).toBe("app/node_modules/webgpu/dist/linux-x64\n");
    for (const { file } of shippedNetworks) expect(has(worker, `app/dist/networks/${file}`)).not.toBe("");
    const libraries = ["libvulkan.so.1", "libX11.so.6", "libXext.so.6", "libEGL.so.1", "libGLdispatch.so.0"];
    for (const name of libraries) expect(has(worker, `usr/lib/x86_64-linux-gnu/${name}`)).not.toBe("");
    const drivers = ["libgallium*", "libLLVM*", "libvulkan_*", "*nvidia*"];
    for (const name of drivers) expect(has(worker, `usr/lib/x86_64-linux-gnu/${name}`)).toBe("");
  });

  it.skipIf(redisMissing)(
    "gateway: serves, is healthy and ready, and drains at SIGTERM as process 1",
    async () => {
      await using redis = await startRedis({ password: "of a test" });
      await using fauxqs = await startFauxqs();
      fauxqs.server.createBucket("pictures");
      const { queueUrl } = fauxqs.server.createQueue("news");
      await using batch = await startBatch({ command: ["true"] });
      const { jobQueue, jobDefinition, endpoint } = batch.options;
      const port = String(20_000 + (process.pid % 10_000));
      const address = `http://127.0.0.1:${port}`;
      const { password, host } = new URL(redis.url);
      await using container = new Container(gateway, {
        outside,
        env: {
          ...fauxqs.environment,
          AWS_REGION: fauxqs.region,
          STYLIZE_HOST: "127.0.0.1",
          STYLIZE_PORT: port,
          STYLIZE_PUBLIC_URL: address,
          STYLIZE_REDIS: `redis://${host}`,
          STYLIZE_REDIS_PASSWORD: decodeURIComponent(password),
          STYLIZE_SECRET: "the same for all gateways of this test",
          STYLIZE_BUCKET: "pictures",
          STYLIZE_S3_ENDPOINT: fauxqs.endpoint,
          STYLIZE_QUEUE_URL: queueUrl,
          STYLIZE_SQS_ENDPOINT: fauxqs.endpoint,
          STYLIZE_BATCH_QUEUE: jobQueue,
          STYLIZE_BATCH_DEFINITION: jobDefinition,
          STYLIZE_BATCH_ENDPOINT: endpoint,
        },
      });
      await container.until(() => container.stdout.includes("Listening"));
      for (const path of ["/healthz", "/readyz"]) expect((await fetch(`${address}${path}`)).status).toBe(200);
      const page = await fetch(address);
      expect(page.headers.get("content-type")).toContain("text/html");
      const script = /src="([^"]+\.js)"/.exec(await page.text())![1]!;
      expect((await fetch(new URL(script, address))).headers.get("cache-control")).toContain("immutable");
      expect(await (await fetch(`${address}/site.json`)).json()).toMatchObject({ maxSize: 1536 });
      expect(container.status("NSpid")!.split("\t").at(-1)).toBe("1");
      expect(container.status("Uid")).toMatch(/^1000\t1000\t1000/);
      process.kill(container.pid, "SIGTERM");
      expect(await container.exit).toBe(0);
    },
  );

  it("worker: ends with 30 where there is no GPU", async () => {
    const job = await service.job(await picture(1, 40, 40), { size: 40, steps: 3 });
    for (const [image, said] of [
      [worker, "none"],
      [withDriver, "llvmpipe"],
    ] as const) {
      await using container = startJob(image, job);
      expect(await container.exit).toBe(exitCodes["no-gpu"]);
      expect(container.stderr).toContain(said);
    }
  });

  it("worker: tells of defects in lines of its sources", async () => {
    const entrypoint = [...worker.config.Entrypoint.slice(0, -1), "-e"];
    const script = 'import("/app/dist/protocol/protocol.js").then(({ jobIdOf }) => jobIdOf(undefined))';
    await using container = new Container(worker, { outside, entrypoint, args: [script] });
    expect(await container.exit).toBe(1);
    expect(container.stderr).toContain("protocol/protocol.ts:");
  });

  it("worker: paints where there is an adapter, with nothing to write to but /tmp", async () => {
    const job = await service.job(await picture(2, 40, 40), { size: 40, steps: 3 });
    await using container = startJob(withDriver, job, software);
    expect(await container.exit, container.stderr).toBe(exitCodes.done);
    const resultKey = keys.output(true, jobIdOf(job.requestId));
    await service.settled();
    expect(service.endsOf(job)).toEqual([{ requestId: job.requestId, resultKey }]);
    const { body } = (await service.objects.get(resultKey))!;
    expect(await sharp(body).metadata()).toMatchObject({ format: "png", width: 40, height: 40 });
  });

  it("worker: writes a checkpoint at SIGTERM as process 1 and ends with 31", async () => {
    const job = await service.job(await picture(3, 40, 40), { size: 40, steps: 400 });
    await using container = startJob(withDriver, job, software);
    await container.until(() => (service.stepsOf(job).at(-1) ?? 0) >= 3);
    expect(container.status("NSpid")!.split("\t").at(-1)).toBe("1");
    process.kill(container.pid, "SIGTERM");
    expect(await container.exit).toBe(exitCodes.interrupted);
    expect(await service.objects.head(keys.checkpoint(jobIdOf(job.requestId)))).toBeDefined();
  });
});

/** Why this machine can't do it. */
function missingHere(): string | undefined {
  if (process.platform !== "linux" || process.arch !== "x64" || process.getuid?.() !== 0)
    return "needs root on linux-x64";
  const program = ["debootstrap", "buildah", "unshare"].find((name) => !onPath(name));
  return program && `needs ${program}`;
}

/** What root made here, the container's user may write to. */
function openToAll(folder: string): void {
  execFileSync("chmod", ["-R", "a+rwX", folder]);
}
