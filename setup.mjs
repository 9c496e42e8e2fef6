#!/usr/bin/env node
/**
 * Makes a bare clone ready to run: npm packages, then a WebGPU adapter. Runs first in `npm run demo`,
 * `npm test` and the like; depends on nothing but Node. docs/setup.md tells what it does to a system.
 *
 *   node setup.mjs [--yes] [--no-gpu] [--redis] [--chromium] [--aws-tools]
 *
 * exit status
 *     0  all there
 *     1  unforeseen error
 *     2  unknown option
 *     7  no usable WebGPU adapter (the commands that install one were printed, or declined)
 *     8  unsupported system: Node older than 20.19, or one that can't load Dawn
 *    20  npm ci failed
 *    21  the driver's installation failed
 *   130  interrupted
 *
 * This file keeps to syntax that old versions of Node can parse, so that they reach the sentence below.
 */
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    "set-up: Expected Node.js 20.19 or newer but this is " +
      process.versions.node +
      " (" +
      process.execPath +
      "): install a newer one, for instance from https://nodejs.org/en/download, and try again.",
  );
  process.exitCode = 8;
} else {
  import("./setup/main.mjs")
    .then((setup) => setup.main(process.argv.slice(2)))
    .then((status) => {
      process.exitCode = status;
    });
}
