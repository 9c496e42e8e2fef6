import { expect, test } from "vitest";
import { adapterKey, probeAdapter, readProbe } from "./adapter.mjs";
import { aptErrors } from "./system.mjs";
import { run } from "./terminal.mjs";

const node = (script: string, limit?: number) =>
  run([process.execPath, "-e", script], limit === undefined ? {} : { limit });

test("this machine has an adapter, and says so twice in the same way", async () => {
  const before = adapterKey();
  const probe = await probeAdapter();
  expect(probe.outcome).toBe("usable");
  expect(probe.adapter).not.toBe("");
  expect(adapterKey()).toBe(before);
});

test("a driver variable changes the key", () => {
  const before = adapterKey();
  process.env.VK_DRIVER_FILES = "/elsewhere.json";
  try {
    expect(adapterKey()).not.toBe(before);
  } finally {
    delete process.env.VK_DRIVER_FILES;
  }
});

test("a process that aborts or hangs is a crash, and what it said is kept", async () => {
  const aborted = readProbe(
    await node("console.error('driver: oh no'); process.kill(process.pid, 'SIGKILL')"),
  );
  expect(aborted.outcome).toBe("crashed");
  expect(aborted.said[0]).toBe("driver: oh no");
  expect(readProbe(await node("setInterval(() => {}, 1000)", 300)).outcome).toBe("crashed");
});

test("an answer counts even if the driver fails on the way out", async () => {
  const script = `console.log('{"outcome":"usable","adapter":"x"}'); process.exitCode = 3`;
  expect(readProbe(await node(script))).toEqual({ outcome: "usable", adapter: "x", said: [] });
});

test("noise is left out of what Dawn says", () => {
  const output =
    "Warning: maxX artificially reduced from 2 to 1 to fit.\nerror: XDG_RUNTIME_DIR not set in the environment.\n" +
    "Warning: Couldn't load Vulkan\n    at operator() (/x/BackendVk.cpp:368)\n";
  const stdout = '{"outcome":"none"}\n';
  const probe = readProbe({ stdout, output: output + stdout, how: "status 0", crashed: false });
  expect(probe).toEqual({ outcome: "none", adapter: "", said: ["Warning: Couldn't load Vulkan"] });
});

test("a command that can't start is reported, not thrown", async () => {
  expect(await run(["no-such-program-here"])).toMatchObject({ ok: false, crashed: false });
});

test("aptErrors keeps warnings and errors", () => {
  expect(aptErrors("Get:1 x\nW: Failed to fetch y\nE: Unable to z\n")).toBe(
    "    W: Failed to fetch y\n    E: Unable to z",
  );
});
