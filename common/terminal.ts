/** Terminals that a process may outlive. */
import { isatty } from "node:tty";

const terminals = [0, 1, 2].filter((file) => isatty(file));

/**
 * Ends the process by SIGHUP where a terminal that it began with is gone. Node.js, when it ends by itself, sets its
 * terminals back, and aborts where that fails. What it has to write must be written.
 */
export function endIfHungUp(): void {
  if (terminals.every((file) => isatty(file))) return;
  process.removeAllListeners("SIGHUP");
  process.kill(process.pid, "SIGHUP");
}
