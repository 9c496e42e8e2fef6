#!/usr/bin/env bash
# Dawn's Node.js binding (npm webgpu) writes on standard output.
#
# One would guess that a library leaves standard output to the program, that setting `device.onuncapturederror` takes
# the errors there are, as it does in browsers, and that a shader's warnings are told by getCompilationInfo() alone.
# What happens: an uncaptured error is printed on standard output even where a handler has taken it, unless the handler
# calls preventDefault(); and each warning of the shader compiler is printed there, too, whatever one does. Who meets
# it: every program with webgpu in it whose standard output another program reads (JSON lines, a worker's protocol).
set -euo pipefail
version=0.6.2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund "webgpu@$version"
cat >errors.mjs <<'JS'
import { create } from "webgpu";
const adapter = await create(["backend=null"]).requestAdapter();
const device = await adapter.requestDevice();
let taken = 0;
device.onuncapturederror = (event) => {
  taken++;
  if (process.argv[2] === "prevent") event.preventDefault();
};
device.createBuffer({ size: 2 ** 40, usage: 128 }); // more than any limit: a validation error
await device.queue.onSubmittedWorkDone();
if (process.argv[2] === "warn") {
  device.createShaderModule({ code: "@compute @workgroup_size(1) fn main() { return; let late = 1; }" });
}
console.error(taken);
process.exit();
JS
echo "node $(node --version), webgpu $version"
handled=$(node errors.mjs handle 2>taken-handled | wc -l)
prevented=$(node errors.mjs prevent 2>taken-prevented | wc -l)
warned=$(node errors.mjs warn 2>/dev/null | grep -c "warning" || true)
echo "with a handler: it took $(tail -1 taken-handled) error, $handled lines on standard output"
echo "with preventDefault(): it took $(tail -1 taken-prevented) error, $prevented lines on standard output"
echo "a warning of the shader compiler: $warned lines with it on standard output"
[ "$(tail -1 taken-handled)" = 1 ] && [ "$handled" -gt 0 ] && [ "$prevented" = 0 ] && [ "$warned" -gt 0 ]
