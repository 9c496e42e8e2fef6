/**
 * What set-up says, asks and runs. All of it goes to stderr: stdout belongs to the command that follows.
 *
 * By hand, as all of set-up: it runs before any package is installed.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** An end of set-up that was foreseen: one message, one exit status of the table in setup.mjs. */
export class SetupError extends Error {
  /**
   * @param {number} exitStatus
   * @param {string} message
   */
  constructor(exitStatus, message) {
    super(message);
    this.exitStatus = exitStatus;
  }
}

/** @param {string} text */
export function say(text) {
  process.stderr.write(`set-up: ${text}\n`);
}

/**
 * Asks on the terminal; anything but yes is no, and so is the end of input.
 * @param {string} question
 * @returns {Promise<boolean>}
 */
export async function ask(question) {
  // terminal: false leaves Ctrl-C to the terminal, so that it interrupts as it does elsewhere.
  const lines = createInterface({ input: process.stdin, terminal: false });
  (process.stderr.isTTY ? process.stderr : process.stdout).write(question);
  const { value = "" } = await lines[Symbol.asyncIterator]().next();
  lines.close();
  return /^\s*y(es)?\s*$/i.test(value);
}

/**
 * @typedef {object} RunOptions
 * @property {string} [title] shown while the command runs; without one it runs silently
 * @property {string} [input] written to its stdin
 * @property {string} [cwd]
 * @property {boolean} [shell]
 * @property {number} [limit] ms after which it is killed
 *
 * @typedef {object} Finished
 * @property {boolean} ok it ended with status 0
 * @property {string} how "status 1", "signal SIGSEGV", or why it could not start
 * @property {boolean} crashed it was ended by a signal or by the time limit
 * @property {string} stdout
 * @property {string} output stdout and stderr as they came
 */

/**
 * Runs a command with its output kept back. An interrupt is passed on to it and waited for, since a
 * package manager that is cut off leaves more behind than one that is told to stop.
 * @param {string[]} command
 * @param {RunOptions} [options]
 * @returns {Promise<Finished>}
 */
export function run(command, options = {}) {
  const { title, input, limit, cwd, shell = false } = options;
  const [program = "", ...args] = command;
  const done = title === undefined ? () => {} : showProgress(title);
  const child = spawn(program, args, {
    ...(cwd === undefined ? {} : { cwd }),
    ...(limit === undefined ? {} : { timeout: limit, killSignal: "SIGKILL" }),
    shell,
    windowsHide: true,
  });
  let stdout = "";
  let output = "";
  child.stdout.on("data", (data) => {
    stdout += data;
    output += data;
  });
  child.stderr.on("data", (data) => {
    output += data;
  });
  child.stdin.on("error", () => {}); // it ended without reading: its status tells
  child.stdin.end(input);

  let interrupted = false;
  /** @param {NodeJS.Signals} signal */
  const passOn = (signal) => {
    if (interrupted) process.exit(130);
    interrupted = true;
    child.kill(signal);
  };
  const signals = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]);
  for (const signal of signals) process.on(signal, passOn);

  return new Promise((resolve, reject) => {
    /** @param {Omit<Finished, "stdout" | "output">} end */
    const finish = (end) => {
      done();
      for (const signal of signals) process.off(signal, passOn);
      if (interrupted) reject(new SetupError(130, "Interrupted; the next run starts this step again."));
      else resolve({ ...end, stdout, output });
    };
    child.once("error", (error) => finish({ ok: false, how: error.message, crashed: false }));
    child.once("close", (code, signal) => {
      const how = signal === null ? `status ${code}` : `signal ${signal}`;
      // Windows reports a crash as a status such as 0xC0000005.
      finish({ ok: code === 0, how, crashed: signal !== null || (code ?? 0) > 255 });
    });
  });
}

/**
 * The first lines of `output` that are complaints; the last ones where none is.
 * @param {string} output
 * @param {RegExp} complaint
 */
export function complaintsIn(output, complaint) {
  const lines = output.split(/\r?\n/).filter((line) => line.trim() !== "");
  const complaints = lines.filter((line) => complaint.test(line));
  const shown = complaints.length > 0 ? complaints.slice(0, 10) : lines.slice(-10);
  return shown.map((line) => `    ${line}`).join("\n");
}

/**
 * @param {string} title
 * @returns {() => void} ends the display
 */
function showProgress(title) {
  const begin = Date.now();
  const seconds = () => Math.round((Date.now() - begin) / 1000);
  if (!process.stderr.isTTY) {
    say(`${title} ...`);
    const timer = setInterval(() => say(`${title} ... (${seconds()} s so far)`), 20_000);
    return () => clearInterval(timer);
  }
  const draw = () => process.stderr.write(`\rset-up: ${title} ... ${seconds()} s`);
  draw();
  const timer = setInterval(draw, 1000);
  return () => {
    clearInterval(timer);
    draw();
    process.stderr.write("\n");
  };
}
