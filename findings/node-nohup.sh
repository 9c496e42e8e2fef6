#!/bin/sh
# Node.js under nohup: a long run in a terminal that is closed.
#
# One would guess that `nohup node run.js &` goes on when its terminal is closed, as any other program does: nohup has
# it ignore SIGHUP.
# What happens: Node.js takes back at its start what its parent had it ignore, so SIGHUP ends it, or runs the program's
# own handler, which can't tell that nohup was meant to keep it away. `setsid` has no such way back.
# Who meets it: whoever leaves a training or painting of hours behind on another machine.
#
# Needs no package: it is Node.js itself. Exits with 1 where this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

# $1: a name; the rest: a command that makes the file NAME as soon as it runs
hang_up() {
  name=$1
  shift
  nohup "$@" >"$name.log" 2>&1 &
  pid=$!
  until [ -e "$name" ]; do sleep 0.1; done
  kill -HUP "$pid"
  sleep 1
  if kill -0 "$pid" 2>/dev/null; then
    echo "$name goes on"
    kill -KILL "$pid"
  else
    echo "$name has ended"
  fi
  wait "$pid" 2>/dev/null || :
}

echo "node $(node --version), $(uname -s)"
shell=$(hang_up shell sh -c ': >shell; while :; do sleep 0.2; done')
node=$(hang_up node node -e 'require("fs").writeFileSync("node", ""); setInterval(() => {}, 1000)')
echo "$shell"
echo "$node"
if [ "$shell, $node" = "shell goes on, node has ended" ]; then
  echo "as it was"
else
  echo "this has changed"
  exit 1
fi
