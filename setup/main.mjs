/** The order of set-up: packages, then an adapter, then (only if there is none) a driver, then what only tests need. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withLock } from "../common/lock.mjs";
import { adapterKey, driverFiles, probeAdapter } from "./adapter.mjs";
import { installPackages, packagesFresh, packagesKey, readStamp, writeStamp } from "./packages.mjs";
import { ask, SetupError, say } from "./terminal.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

/** @typedef {keyof typeof import("./debian-package.mjs").testPrograms} TestProgram */
const programs = /** @type {const} */ (["redis", "chromium"]);
const programFlags = programs.map((name) => `--${name}`);

/** What tests check the templates with: packages too large for everybody's node_modules. */
const awsTools = join(root, ".aws", "tools");

/** @typedef {{ gpu: boolean, programs: readonly TestProgram[], awsTools: boolean }} Wanted */

/**
 * Sets the project up and says what it did, on stderr.
 * @param {string[]} args `--yes`: don't ask before changing the system; `--no-gpu`: no adapter; `--redis`,
 * `--chromium`, `--aws-tools`: these too
 * @returns {Promise<number>} exit status, see setup.mjs
 */
export async function main(args) {
  const unknown = args.find((arg) => !["--yes", "--no-gpu", "--aws-tools", ...programFlags].includes(arg));
  if (unknown !== undefined) {
    say(`Expected --yes, --no-gpu, ${programFlags.join(", ")} or --aws-tools but received ${unknown}.`);
    return 2;
  }
  const options = {
    gpu: !args.includes("--no-gpu"),
    programs: programs.filter((name) => args.includes(`--${name}`)),
    awsTools: args.includes("--aws-tools"),
    yes: args.includes("--yes") || yesFromEnvironment(),
  };
  if (ready(options)) return 0;
  try {
    await withLock(join(root, ".cache", "setup.lock"), () => setUp(options), {
      onWait: () => say("waiting for another set-up of this folder to finish"),
    });
    return 0;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    return error.exitStatus;
  }
}

/** `npm run demo --yes` hands the flag to npm, which passes it on as npm_config_yes. */
function yesFromEnvironment() {
  const { STYLIZE_SETUP_YES, npm_config_yes } = process.env;
  return ["1", "true", "yes"].includes(STYLIZE_SETUP_YES ?? "") || npm_config_yes === "true";
}

/** @param {Wanted} wanted */
function ready({ gpu, programs, awsTools: tools }) {
  const key = packagesKey(root);
  if (!packagesFresh(root, key)) return false;
  const stamp = readStamp(root);
  return (
    (!gpu || stamp?.adapter === adapterKey()) &&
    programs.every((name) => stamp?.[name] === true) &&
    (!tools || packagesFresh(awsTools, packagesKey(awsTools)))
  );
}

/** @param {Wanted & { yes: boolean }} options */
async function setUp(options) {
  const key = packagesKey(root);
  if (!packagesFresh(root, key)) await installPackages(root, key);
  // Another set-up may have done all of this while we waited for its lock.
  if (ready(options)) return;

  if (!ready({ gpu: options.gpu, programs: [], awsTools: false })) {
    await seeToAdapter(options.yes);
    writeStamp(root, { ...readStamp(root), packages: key, adapter: adapterKey() });
  }
  for (const name of options.programs) {
    const { provideProgram, testPrograms } = await import("./debian-package.mjs");
    await provideProgram(testPrograms[name], options.yes);
    writeStamp(root, { ...readStamp(root), packages: key, [name]: true });
  }
  if (options.awsTools) await provideAwsTools();
}

/** Not fatal: without them, tests are skipped. */
async function provideAwsTools() {
  const key = packagesKey(awsTools);
  if (packagesFresh(awsTools, key)) return;
  try {
    await installPackages(awsTools, key, {
      what: "tools that check the templates of .aws",
      flags: ["--fetch-retries=0"], // a network that is away must not hold the tests up
    });
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`Tests that need these tools will be skipped. ${error.message}`);
  }
}

/** @param {boolean} yes */
async function seeToAdapter(yes) {
  let probe = await probeAdapter();
  if (probe.outcome === "usable") return;
  await provideAdapter(probe, yes);
  probe = await probeAdapter();
  if (probe.outcome !== "usable") throw new SetupError(7, stillNone(probe));
  say(`adapter: ${probe.adapter}`);
}

/**
 * Installs the software driver where that is possible and allowed; throws otherwise, with what to do.
 * @param {import("./adapter.mjs").Probe} probe
 * @param {boolean} yes
 */
async function provideAdapter(probe, yes) {
  const { decide, describeSystem, driverSteps, manualAdvice, runSteps, shellLine } = await import(
    "./system.mjs"
  );
  const system = describeSystem();
  const found = whatWasFound(probe);
  const terminal = Boolean(process.stdin.isTTY);
  const action = decide(system, probe.outcome, { yes, terminal });
  if (action === "unsupported" || action === "print") {
    const advice = manualAdvice(system, probe.outcome);
    throw new SetupError(action === "print" ? 7 : 8, `${found}\n${advice}`);
  }

  const steps = driverSteps(system);
  if (action === "ask") {
    const lines = steps.map((step) => `    ${shellLine(step, system)}`).join("\n");
    say(`${found}\nA driver that computes on the processor can be installed with\n${lines}`);
    if (!(await ask("Run these commands now? [y/N] "))) {
      throw new SetupError(7, "Nothing was installed. Run the commands above, or answer y next time.");
    }
  }
  // Fresh machines install their own updates in the background.
  await runSteps(steps, system, 300);
}

/** @param {import("./adapter.mjs").Probe} probe */
function whatWasFound(probe) {
  const sentence = {
    usable: "",
    none: "No usable WebGPU adapter was found on this machine.",
    unloadable: "Dawn, the WebGPU library, can't be loaded on this system.",
    crashed: "A graphics driver crashed or hung when Dawn, the WebGPU library, asked it for a device.",
  }[probe.outcome];
  const files = driverFiles().map((file) => file.path);
  const devices = ["/dev/nvidiactl", "/dev/kfd", "/dev/dri"].filter((path) => existsSync(path));
  const nodes = devices.flatMap((path) =>
    path === "/dev/dri" ? readdirSync(path).map((n) => `${path}/${n}`) : path,
  );
  const facts = [
    process.platform === "linux" && probe.outcome !== "unloadable"
      ? `Vulkan drivers installed: ${files.length > 0 ? files.join(", ") : "none"}`
      : "",
    nodes.length > 0 ? `graphics devices: ${nodes.join(", ")}` : "",
    ...probe.said.map((line) => `Dawn: ${line}`),
  ];
  return [sentence, ...facts.filter((fact) => fact !== "").map((fact) => `    ${fact}`)].join("\n");
}

/** @param {import("./adapter.mjs").Probe} probe */
function stillNone(probe) {
  return (
    `${whatWasFound(probe)}\nThe software driver was installed but Dawn can't use it. It is known to work from ` +
    "Mesa 23.2 on: see which version your system has (apt-cache policy mesa-vulkan-drivers) and whether its " +
    "updates are enabled."
  );
}
