import { spawnSync } from "node:child_process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openContext } from "../node.ts";
import type { GpuContext } from "./context.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

describe("a context", () => {
  let context: GpuContext;
  beforeEach(async () => {
    context = await openContext({ backend: "null" });
  });
  afterEach(() => context[Symbol.dispose]());

  test("holds nothing of what was awaited", async () => {
    const awaited: WeakRef<object>[] = [];
    for (let i = 0; i < 10; i++) {
      const value = await context.until(Promise.resolve({ i }));
      awaited.push(new WeakRef(value));
    }
    await context.until(Promise.reject(new Error("no"))).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 10));
    collectGarbage();
    expect(awaited.slice(0, -1).filter((ref) => ref.deref() !== undefined)).toEqual([]);
  });

  test("tells whoever waits that the device is lost, and who comes later", async () => {
    const waiting = context.until(new Promise(() => {}));
    context.device.destroy();
    await expect(waiting).rejects.toMatchObject({ code: "device-lost" });
    await expect(context.until(new Promise(() => {}))).rejects.toMatchObject({ code: "device-lost" });
    await expect(context.until(Promise.resolve())).rejects.toMatchObject({ code: "device-lost" });
    await expect(context.reclaim()).resolves.toBeUndefined();
  });
});

test("an error of the device is thrown at the next await, and never printed on standard output", () => {
  const program = `
    import { openContext } from "./engine/node.ts";
    const context = await openContext({ backend: "null" });
    context.device.createBuffer({ size: 16, usage: 0xffff });
    await context.until(context.device.queue.onSubmittedWorkDone()).catch((error) => console.error(error.code));
    process.exit();`;
  const args = ["--import", "tsx", "--input-type=module", "--eval", program];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: "utf8" });
  expect({ stdout, status }).toEqual({ stdout: "", status: 0 });
  expect(stderr).toContain("gpu-error");
});

test("writes loops out for GPUs, and leaves them to the compilers of processors", async () => {
  using gpu = await openContext({ backend: "null", family: "gpu" });
  using software = await openContext({ family: "gpu" });
  const codes = [gpu, software].map((context) => {
    return context.kernel("gram_product", { libs: ["texel_f32"] }).code;
  });
  expect(codes[0]).toContain("const row = 7u;");
  expect(codes[1]!.includes("const row = 7u;")).toBe(!software.isSoftware);
});
