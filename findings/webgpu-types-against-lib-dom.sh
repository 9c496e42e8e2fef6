#!/usr/bin/env bash
# Declarations that refer to @webgpu/types can't be compiled by TypeScript 6 or 7 as they come.
#
# One would guess that a library which names GPUDevice in its declarations refers to @webgpu/types, as npm's webgpu
# does, and that whoever compiles against it needs no setting of their own.
# What happens: lib.dom, which is there unless `lib` leaves it out, has WebGPU's types itself from TypeScript 6 on, and
# the two contradict each other in one program (an array against an Iterable, for instance). Without lib.dom
# @webgpu/types lacks names of it, in any version.
# Who meets it: whoever uses webgpu, or a library on it, from TypeScript without `skipLibCheck`. Way out, for a
# library: name neither, but take GPUDevice from `typeof globalThis`, as far as it is there.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts webgpu@0.6.2 @webgpu/types@0.1.74 \
  typescript5@npm:typescript@5.9.3 typescript6@npm:typescript@6.0.3 typescript7@npm:typescript@7.0.2
cat >program.mts <<'TS'
import { create } from "webgpu";
export const adapter = await create([]).requestAdapter();
TS
echo "node $(node --version), webgpu 0.6.2, @webgpu/types 0.1.74"
# Prints how many errors one version finds with these options.
errors() {
  local version=$1
  shift
  local said
  tsc="node_modules/typescript$version/bin/tsc"
  said=$(node "$tsc" --noEmit --target es2022 --module nodenext "$@" program.mts || true)
  grep -c 'error TS' <<<"$said" || true
}
isSo=true
for version in 5 6 7; do
  usual=$(errors "$version")
  bare=$(errors "$version" --lib es2022)
  skipped=$(errors "$version" --skipLibCheck)
  echo "TypeScript $version: $usual errors, $bare without lib.dom, $skipped with skipLibCheck"
  if [ "$version" = 5 ]; then [ "$usual" = 0 ] || isSo=false; else [ "$usual" -gt 0 ] || isSo=false; fi
  [ "$bare" -gt 0 ] || isSo=false
done
[ "$isSo" = true ] && echo "As described." || { echo "The behaviour has changed."; exit 1; }
