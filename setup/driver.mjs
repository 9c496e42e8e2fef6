/** Runs the commands that install packages of the system, as root or through sudo. */
import { firstLines, lastLines, run, SetupError } from "./terminal.mjs";

/**
 * @param {import("./system.mjs").Step[]} steps
 * @param {import("./system.mjs").System} system
 * @param {number} lockSeconds how long to wait for another package manager
 */
export async function runSteps(steps, system, lockSeconds) {
  const prefix = [...(system.root ? [] : ["sudo", "-n"]), "env", "DEBIAN_FRONTEND=noninteractive"];
  let output = "";
  for (const { title, command, input, mayFail } of steps) {
    const wait = command[0] === "apt-get" ? ["-o", `DPkg::Lock::Timeout=${lockSeconds}`] : [];
    const given = input === undefined ? {} : { input };
    const result = await run([...prefix, ...command, ...wait], { title, ...given });
    output += result.output;
    if (result.ok || mayFail) continue;

    // A source that doesn't work must not stay behind in the system's list.
    const undo = steps.flatMap((step) => step.undo ?? []);
    if (undo.length > 0) await run([...prefix, "rm", "-f", ...undo]);
    const said = aptErrors(output);
    throw new SetupError(21, `${command.join(" ")} failed (${result.how}); apt says:\n${said}`);
  }
}

/**
 * The warnings and errors among apt's lines, those of an earlier `apt-get update` included: it ends well
 * even where it could read nothing, and the installation then fails for a reason that misleads.
 * @param {string} output
 */
export function aptErrors(output) {
  const complaints = output.split("\n").filter((line) => /^[WE]:/.test(line));
  return complaints.length > 0 ? firstLines(complaints.join("\n"), 10) : lastLines(output, 10);
}
