#!/usr/bin/env bash
# Has a deployed service (or any other) paint one picture for everybody and one in private, and checks what surrounds
# that.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

readonly CHECK_FAILED=7
readonly HELP="Usage: .aws/smoke.sh ENV|URL [options]

Checks health, pages, site.json, headers of security and the styles, then has a small picture painted twice: for
everybody, where it must show up in the feed, and in private, where it must be reachable by its signed address alone.
Says how long each took. Needs the repository's packages (npm ci).

  --private-only     leave out the picture for everybody, which would stand in the feed until it expires
  --seconds N        give up on a picture after this long; 1500 when not given, since a machine may have to start
  --parameters FILE  read these instead of .aws/parameters/ENV.env
  --print            print the commands, and run none

STYLIZE_TOKEN is presented where the service wants a login.

$STATUS_HELP
  7  a check failed"

url=""
private_only=false
seconds=1500

read_arguments() {
  while (($#)); do
    case $1 in
      --help | -h) say "$HELP"; exit 0 ;;
      --print) print=true ;;
      --private-only) private_only=true ;;
      --seconds) seconds=${2:?Expected a number after --seconds.}; shift ;;
      --parameters) parameters_file=${2:?Expected a file after --parameters.}; shift ;;
      -*) fail $USAGE "Expected an option of --help but received '$1'." ;;
      http://* | https://*) url=${1%/} ;;
      *) use_environment "$1" ;;
    esac
    shift
  done
  [[ -n $url || -n $environment ]] || fail $USAGE \
    "Expected an environment or an address: .aws/smoke.sh --help tells more."
  [[ $seconds =~ ^[0-9]+$ ]] || fail $USAGE "Expected --seconds to be a number but received '$seconds'."
}

# -- checks

failures=0
check() { # sentence, then a command that succeeds if it is true
  local sentence=$1
  shift
  if "$@"; then
    say "  ok    $sentence"
  else
    say "  WRONG $sentence"
    ((++failures))
  fi
}

# path: its status; headers and body stay in $scratch.
fetch() {
  curl --silent --show-error --path-as-is --max-time 30 --dump-header "$scratch/headers" --output "$scratch/body" \
    --write-out '%{http_code}' "$1" || true
}
answers() { [[ $(fetch "$2") == "$1" ]]; }
refuses() { [[ $(fetch "$1") =~ ^40[0-9]$ ]]; }
has_header() { tr -d '\r' <"$scratch/headers" | grep -qiE -- "^$1"; }
has_body() { grep -qE -- "$1" "$scratch/body"; }

check_surroundings() {
  say "Health, pages, headers"
  check "/healthz answers 200" answers 200 "$url/healthz"
  check "/readyz answers 200: all stores are there" answers 200 "$url/readyz"
  check "/ answers 200" answers 200 "$url/"
  check "  with a page" has_header "content-type: text/html"
  check "  that runs scripts of its own alone" has_header "content-security-policy: .*script-src 'self'"
  check "  whose type is not guessed" has_header "x-content-type-options: nosniff"
  check "  that tells nobody where it was" has_header "referrer-policy: no-referrer"
  check "  that shares no window" has_header "cross-origin-opener-policy: same-origin"
  if [[ $url == https://* ]]; then
    check "  that is asked for by https from now on" has_header "strict-transport-security: max-age="
    check "http:// leads to https://" answers 301 "http://${url#https://}/"
    check "/metrics is not for the public" answers 404 "$url/metrics"
  fi
  check "/site.json answers 200" answers 200 "$url/site.json"
  check "  with the limits" has_body '"maxSize":[0-9]+'
  check "/nothing-of-this-name answers 404" answers 404 "$url/nothing-of-this-name"
}

# -- a round

# The last value of a field of the job's record.
last_of() { sed -n "s/.*\"event\":\"job\".*\"$2\":\"\([^\"]*\)\".*/\1/p" "$1" | tail -1; }

# name, then flags of `stylize request`
paint() {
  local name=$1 began=$SECONDS
  shift
  if ! timeout --foreground "$seconds" npx --no-install tsx cli/main.ts request examples/astronaut.jpg \
    --style "$style" --size 256 --steps 20 --server "$url" --output "$scratch/$name.png" --json "$@" |
    note_start "$name" "$began"; then
    tail -1 "$scratch/$name.jsonl" >&3
    return 1
  fi
  say "        $((SECONDS - began)) s, of it $(<"$scratch/$name.waited") s until a worker began"
}

# Keeps what it reads, and how long it took until a worker was at it.
note_start() {
  local line
  printf '?' >"$scratch/$1.waited"
  while IFS= read -r line; do
    printf '%s\n' "$line"
    if [[ $(<"$scratch/$1.waited") == "?" && $line == *'"status":"running"'* ]]; then
      echo $((SECONDS - $2)) >"$scratch/$1.waited"
    fi
  done >"$scratch/$1.jsonl"
}

in_feed() { npx --no-install tsx .aws/feed.ts "$url" | grep -qx -- "$1"; }
not_in_feed() { ! in_feed "$1"; }

check_public_round() {
  local job result
  say "A picture for everybody"
  check "it is painted" paint public || return 0
  job=$(last_of "$scratch/public.jsonl" jobId) result=$(last_of "$scratch/public.jsonl" result)
  [[ -n $job && -n $result ]] || { check "the job has a result" false; return; }
  check "its address answers 200" answers 200 "$result"
  check "  with a PNG" has_header "content-type: image/png"
  check "  that can be nothing else" has_header "x-content-type-options: nosniff"
  check "the address has no signature" [ "${result%%\?*}" = "$result" ]
  check "it is in the feed" in_feed "$job"
}

check_private_round() {
  local job result path
  say "A picture in private"
  check "it is painted" paint private --private
  job=$(last_of "$scratch/private.jsonl" jobId) result=$(last_of "$scratch/private.jsonl" result)
  [[ -n $job && -n $result ]] || { check "the job has a result" false; return; }
  path=private/output/$job.png
  check "its signed address answers 200" answers 200 "$result"
  check "without the signature it is refused" refuses "${result%%\?*}"
  check "with another signature it is refused" refuses "${result}0"
  check "the service's own address does not give it either" refuses "$url/$path"
  check "nor by way of the public ones" refuses "$url/public/../$path"
  check "it is not in the feed" not_in_feed "$job"
}

read_arguments "$@"
need curl npx timeout
if [[ -z $url ]]; then
  read_parameters "$parameters_file"
  identify
  url=$(output "$project-$environment" Url)
fi
cd "$repository"
if "$print"; then
  show curl "$url/healthz"
  show npx --no-install tsx cli/main.ts request --list-styles --server "$url"
  show npx --no-install tsx cli/main.ts request examples/astronaut.jpg --style "<style>" \
    --size 256 --steps 20 --server "$url" --json
  show npx --no-install tsx .aws/feed.ts "$url"
  exit 0
fi
say "$url"
check_surroundings
say "Styles"
npx --no-install tsx cli/main.ts request --list-styles --server "$url" >"$scratch/styles" || true
style=$(head -1 "$scratch/styles")
check "there is one" test -n "$style"
if [[ -n $style ]]; then
  "$private_only" || check_public_round
  check_private_round
fi
say "$SECONDS s"
((failures == 0)) || fail $CHECK_FAILED "Expected all checks to pass but $failures did not."
say "All is well."
