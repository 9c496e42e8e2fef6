#!/bin/sh
# Dawn for Node.js (npm webgpu): what picks an adapter by name.
#
# One would guess that `adapter=NAME` takes the name that GPUAdapterInfo shows, as device or description, in any case,
# and that each adapter that Dawn lists can be had.
# What happens: it takes the driver's own string, case by case, which only the error for an unknown name shows.
# `info.device` is a normalised form of it ("null-backend" for "Null backend") that is refused. A match is any part of a
# name, and the first adapter wins, so the second of two equal GPUs, or an "NVIDIA L4" listed behind an "NVIDIA L40",
# can't be had by any name.
# Who meets it: whoever offers a list of adapters to choose from, and owners of several GPUs.
#
# The null backend stands for a driver: it is there on every machine. Exits with 1 where any of this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --ignore-scripts --no-audit --no-fund webgpu@0.6.2
cat >probe.mjs <<'EOF'
import { readFileSync } from "node:fs";
import { create } from "webgpu";

const { version } = JSON.parse(readFileSync("node_modules/webgpu/package.json", "utf8"));
console.log(`node ${process.version}, webgpu ${version}, ${process.platform}-${process.arch}`);

const gpus = [];
async function ask(name) {
  const gpu = create(["backend=null", `adapter=${name}`]);
  gpus.push(gpu);
  const adapter = await gpu.requestAdapter().catch((error) => error);
  const found = adapter instanceof Error ? undefined : adapter.info;
  console.log(`adapter=${name}: ${found ? `device '${found.device}'` : adapter.message.replaceAll("\n", " | ")}`);
  return found ?? adapter.message;
}

const whole = await ask("Null backend");
const part = await ask("ull b");
const asShown = await ask(whole.device);
const otherCase = await ask("NULL BACKEND");
const isAsSeen =
  whole.device === "null-backend" &&
  part.device === "null-backend" &&
  [asShown, otherCase].every((message) => String(message).includes("name: 'Null backend'"));
console.log(isAsSeen ? "as it was" : "this has changed");
process.exit(isAsSeen ? 0 : 1);
EOF
node probe.mjs
