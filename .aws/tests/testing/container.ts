/**
 * For rehearsals: an image's command as a container runs it, without Docker: the image's own root, read-only, a small
 * /tmp, the image's user and environment, and process 1 of a namespace of its own. The network is this machine's.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** What an image says of itself, of which this is used. */
export interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly WorkingDir: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly Volumes?: Readonly<Record<string, object>>;
}

/** Its files are mounted as long as it lives. */
export class Image implements Disposable {
  readonly config: ImageConfig;
  readonly root: string;
  readonly #container: string;

  constructor(name: string) {
    this.config = JSON.parse(buildah("inspect", "--type", "image", name)).Docker.config;
    this.#container = buildah("from", "--pull-never", name);
    this.root = buildah("mount", this.#container);
  }

  /** Puts Debian packages into these files, not into the image. */
  install(...packages: readonly string[]): void {
    const script = `apt-get update && apt-get install -y --no-install-recommends ${packages.join(" ")}`;
    buildah("run", "--isolation", "chroot", "--user", "root", this.#container, "--", "sh", "-c", script);
  }

  [Symbol.dispose](): void {
    buildah("rm", this.#container);
  }
}

const images = fileURLToPath(new URL("../../images/", import.meta.url));

/** Builds it as build-here.sh does; takes minutes the first time. */
export function build(name: "gateway" | "worker"): Image {
  const script = `${images}build-here.sh`;
  const lines = execFileSync("nice", ["-n", "15", script, name], { encoding: "utf8", stdio: "pipe" });
  return new Image(lines.trim());
}

function buildah(...args: string[]): string {
  return execFileSync("buildah", args, {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
    stdio: ["ignore", "pipe", "pipe"],
  }).trim();
}

// $1: root, $2: folder to see as /tmp/outside, $3: user, $4: working directory; then the command, which becomes process
// 1.
const start = `
set -e
root=$1 outside=$2 user=$3 folder=$4
shift 4
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o size=2g,mode=1777,noexec,nosuid,nodev tmpfs "$root/tmp"
mkdir "$root/tmp/outside"
mount --bind "$outside" "$root/tmp/outside"
exec chroot --userspec="$user" "$root" /usr/bin/env --chdir="$folder" "$@"
`;

export interface ContainerOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Folder of this machine that it sees as /tmp/outside. */
  readonly outside: string;
  /** Instead of the image's. */
  readonly entrypoint?: readonly string[];
}

export class Container implements AsyncDisposable {
  /** Exit status, or the signal that ended it. */
  readonly exit: Promise<number | NodeJS.Signals>;
  stdout = "";
  stderr = "";
  readonly #child: ChildProcess;

  constructor({ root, config }: Image, { args = [], env = {}, outside, entrypoint }: ContainerOptions) {
    const command = [...(entrypoint ?? config.Entrypoint), ...(args.length > 0 ? args : config.Cmd)];
    const own = Object.fromEntries(config.Env.map((line) => line.split(/=(.*)/s)));
    const namespaces = ["--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"];
    const place = [root, outside, config.User, config.WorkingDir];
    this.#child = spawn("unshare", [...namespaces, "sh", "-c", start, "sh", ...place, ...command], {
      env: { HOME: "/home/node", ...own, ...env },
      stdio: "pipe",
    });
    this.#child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.exit = new Promise((resolve) => {
      this.#child.once("close", (code, signal) => resolve(code ?? signal!));
    });
  }

  /** Process 1 of it, as this machine numbers it. */
  get pid(): number {
    const { pid } = this.#child;
    return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim());
  }

  /** What /proc/PID/status says of process 1. */
  status(name: string): string | undefined {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    return new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1];
  }

  /** The records of its log. */
  get log(): Record<string, unknown>[] {
    const lines = this.stderr.split("\n").filter((line) => line.startsWith("{") && line.endsWith("}"));
    return lines.map((line) => JSON.parse(line));
  }

  /** Resolves once `condition` holds; throws when it ends before. */
  async until(condition: () => boolean | Promise<boolean>): Promise<void> {
    let hasEnded = false;
    void this.exit.then(() => {
      hasEnded = true;
    });
    while (!(await condition())) {
      if (hasEnded) throw new Error(`Expected a container that runs but it ended: ${this.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.exit;
  }
}
