/**
 * Asks Dawn for an adapter and a device and prints one line of JSON about it.
 *
 * A program of its own, because a broken driver may take the process down that loads it.
 */
import { writeSync } from "node:fs";

async function probe() {
  const { create } = await import("webgpu").catch((error) => {
    report({ outcome: "unloadable", reason: String(error?.message ?? error) });
    process.exit();
  });
  // Held by this function only: a reference that stays would keep the process alive.
  const gpu = create(process.platform === "linux" ? ["backend=vulkan"] : []);
  const adapter = await gpu.requestAdapter();
  if (adapter === null) return report({ outcome: "none" });
  const device = await adapter.requestDevice();
  const { vendor, device: name, description: driver } = adapter.info;
  const named = [(name || vendor).replace(/-$/, ""), driver && `(${driver})`].filter(Boolean).join(" ");
  report({ outcome: "usable", adapter: named || "unnamed" });
  device.destroy();
}

/** @param {Record<string, string>} result */
function report(result) {
  writeSync(1, `${JSON.stringify(result)}\n`);
}

await probe().catch((error) => report({ outcome: "none", reason: String(error?.message ?? error) }));
