/** Whether Dawn finds an adapter here, and a cheap name for what that answer hangs on. */
import { readdirSync, statSync } from "node:fs";
import { homedir, hostname, release } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * @typedef {"usable" | "none" | "unloadable" | "crashed"} Outcome
 *   usable: a device was created; none: no adapter or no device; unloadable: Dawn's library does not load
 *   on this system; crashed: a driver ended the process or hung
 *
 * @typedef {object} Probe
 * @property {Outcome} outcome
 * @property {string} adapter its name, "" where there is none
 * @property {string[]} said what Dawn and the drivers had to say, where that helps
 */

/** A driver that needs more is as good as none: the programs that follow would wait for it as well. */
const probeLimit = 60_000;

/**
 * Has a child process create a WebGPU device.
 * @returns {Promise<Probe>}
 */
export async function probeAdapter() {
  const { run } = await import("./terminal.mjs");
  const script = fileURLToPath(new URL("./probe.mjs", import.meta.url));
  return readProbe(await run([process.execPath, script], { limit: probeLimit }));
}

/**
 * Reads the answer of probe.mjs out of what its process left.
 * @param {{ stdout: string, output: string, how: string, crashed: boolean }} finished
 * @returns {Probe}
 */
export function readProbe(finished) {
  const line = finished.stdout.split("\n").find((text) => text.startsWith('{"outcome"'));
  const said = finished.output
    .split(/\r?\n/)
    .map((text) => text.trim())
    .filter((text) => text !== "" && text !== line?.trim() && !isNoise(text));
  if (line === undefined) {
    const end = finished.crashed ? [`the process ended with ${finished.how}`] : [];
    return {
      outcome: finished.crashed ? "crashed" : "none",
      adapter: "",
      said: [...said.slice(0, 8), ...end],
    };
  }
  const { outcome, adapter = "", reason } = JSON.parse(line);
  return { outcome, adapter, said: reason === undefined ? said.slice(0, 8) : [reason, ...said.slice(0, 8)] };
}

/** Source lines of Dawn, limits it lowers on every adapter, and a variable that no compute job needs. */
function isNoise(/** @type {string} */ text) {
  return /^at .*\.(cpp|h):\d+\)?$|artificially reduced|XDG_RUNTIME_DIR/.test(text);
}

/**
 * Names the drivers, libraries and devices that an answer of `probeAdapter` hangs on; as long as it stays the
 * same, the answer does.
 * @returns {string}
 */
export function adapterKey() {
  const { env, platform, arch } = process;
  const chosen = ["VK_ICD_FILENAMES", "VK_DRIVER_FILES", "VK_ADD_DRIVER_FILES", "VK_LOADER_DRIVERS_DISABLE"];
  return JSON.stringify([
    `${platform}-${arch} ${release()} ${hostname()} ${process.getuid?.() ?? ""}`,
    ...chosen.map((name) => env[name] ?? ""),
    ...driverFiles().map((file) => `${file.path} ${file.mtime}`),
    // Rewritten whenever a shared library comes or goes.
    statSync("/etc/ld.so.cache", { throwIfNoEntry: false })?.mtimeMs ?? 0,
    ...["/dev/dri", "/dev/nvidia0", "/dev/kfd"].map((path) => list(path) ?? exists(path)),
  ]);
}

/**
 * The files by which Vulkan drivers announce themselves to the loader (Linux).
 * @returns {{ path: string, mtime: number }[]}
 */
export function driverFiles() {
  const { XDG_DATA_HOME, XDG_DATA_DIRS, XDG_CONFIG_DIRS } = process.env;
  const folders = [
    "/etc",
    ...(XDG_CONFIG_DIRS ?? "/etc/xdg").split(delimiter),
    XDG_DATA_HOME || join(homedir(), ".local/share"),
    ...(XDG_DATA_DIRS || "/usr/local/share:/usr/share").split(delimiter),
  ].map((folder) => join(folder, "vulkan/icd.d"));
  return folders.flatMap((folder) =>
    (list(folder) ?? [])
      .filter((name) => name.endsWith(".json"))
      .map((name) => join(folder, name))
      .map((path) => ({ path, mtime: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 })),
  );
}

/** @param {string} folder */
function list(folder) {
  try {
    return readdirSync(folder).sort();
  } catch {
    return undefined;
  }
}

/** @param {string} path */
function exists(path) {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
