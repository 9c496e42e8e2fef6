# shellcheck shell=bash disable=SC2034 # What is set here is used there.
# What the scripts beside this file share; they source it. Exit statuses are those of their --help.

((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404)) || {
  printf 'error: Expected bash 4.4 or newer but this is %s.\n' "$BASH_VERSION" >&2
  exit 3
}

shopt -s inherit_errexit

readonly FAILED=1 USAGE=2 MISSING=3 NO_ACCESS=4 STACK_FAILED=5 DECLINED=6
readonly STATUS_HELP="exit status
  0  done
  1  a command failed; what it said stands above
  2  wrong usage, or a parameter that can't be
  3  a program is missing here
  4  AWS knows no such credentials, or they may not do this
  5  the stack could not be changed; what failed stands above
  6  declined, or nobody could be asked: nothing was done"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(dirname "$here")
readonly here repository
export AWS_PAGER=""

print=false
yes=false
environment=""
parameters_file=""
account=""
project=stylize
node_image=""
weights=""
declare -A parameters=()

scratch=$(mktemp -d)
readonly scratch
trap 'rm -rf "$scratch"' EXIT

# What people read, from within $(...) too.
exec 3>&1
say() { printf '%s\n' "$*" >&3; }

# status, sentence, in one part or several
fail() {
  printf 'error: %s\n' "${*:2}" >&2
  exit "$1"
}

# -- commands

show() {
  local word line=""
  for word in "$@"; do
    [[ $word =~ ^[A-Za-z0-9_./:=,@%+-]+$ ]] || word=${word@Q}
    line+=" $word"
  done
  say "+$line"
}

# Changes something. With --print it is only shown.
run() { if "$print"; then show "$@"; else "$@"; fi; }

# Asks AWS for a text. With --print the question is shown, and the first argument stands for the answer.
ask() {
  local placeholder=$1
  shift
  if "$print"; then
    show aws "$@"
    printf '%s\n' "$placeholder"
  else
    aws "$@" --output text
  fi
}

need() {
  local program
  "$print" && return
  for program in "$@"; do
    command -v "$program" >/dev/null || fail $MISSING "Expected the program '$program' but there is none."
  done
}

# Goes on after a y, or with --yes.
confirm() {
  "$yes" || "$print" && return
  [[ -t 0 ]] || fail $DECLINED "Expected --yes where nobody can be asked."
  local answer
  read -r -p "$1 [y/N] " answer
  [[ $answer == [yY]* ]]
}

# -- environments

use_environment() {
  case $1 in
    development | testing | staging | production) environment=$1 ;;
    *) fail $USAGE "Expected development, testing, staging or production but received '$1'." ;;
  esac
}

# Names of root.yaml's parameters, a line each.
root_parameters() {
  awk '/^[A-Za-z]/ {inside = /^Parameters:/} inside && /^  [A-Za-z]+:$/ {gsub(/[ :]/, ""); print}' \
    "$here/templates/root.yaml"
}

# Reads NAME=VALUE lines: names are root.yaml's parameters, AWS_REGION, NODE_IMAGE and WEIGHTS. Nothing in it is run.
read_parameters() {
  local file=${1:-$here/parameters/$environment.env} line name value number=0 known
  [[ -f $file ]] || fail $USAGE \
    "Expected parameters in $file but there is no such file: copy $here/parameters/example.env and edit it."
  known=$(root_parameters)
  while IFS= read -r line || [[ -n $line ]]; do
    ((++number))
    line=${line%$'\r'}
    [[ $line =~ ^[[:space:]]*(#|$) ]] && continue
    [[ $line =~ ^([A-Za-z_]+)=(.*)$ ]] || fail $USAGE \
      "Expected NAME=VALUE in line $number of $file but received '$line'."
    name=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
    [[ $value != *[\"\\]* ]] || fail $USAGE "Expected $name in line $number of $file without quotes and backslashes."
    case $name in
      AWS_REGION) export AWS_REGION=$value AWS_DEFAULT_REGION=$value ;;
      NODE_IMAGE) node_image=$value ;;
      WEIGHTS) weights=$value ;;
      Environment | GatewayImage | WorkerImage | CloudFrontPrefixListId)
        fail $USAGE "Expected no $name in line $number of $file: deploy.sh finds it out." ;;
      *)
        grep -qx -- "$name" <<<"$known" || fail $USAGE \
          "Expected a parameter of root.yaml in line $number of $file but received '$name'."
        parameters[$name]=$value ;;
    esac
  done <"$file"
  project=${parameters[Project]:-stylize}
}

# Sets account, and AWS_REGION where the parameters have none.
identify() {
  need aws
  if [[ -z ${AWS_REGION:-} ]]; then
    AWS_REGION=${AWS_DEFAULT_REGION:-$(aws configure get region || true)}
    [[ -n $AWS_REGION ]] || fail $USAGE "Expected AWS_REGION in the parameters or the environment but received none."
    export AWS_REGION AWS_DEFAULT_REGION=$AWS_REGION
  fi
  account=$(ask 123456789012 sts get-caller-identity --query Account) ||
    fail $NO_ACCESS "Expected credentials that AWS knows: log in, or set AWS_PROFILE."
  say "Account $account, region $AWS_REGION, $environment."
}

# -- stacks

# A stack's status, or NONE. With --print it is the second argument, or what the script takes for granted.
assumed=NONE
stack_status() {
  local status
  if status=$(ask "${2:-$assumed}" cloudformation describe-stacks --stack-name "$1" \
    --query 'Stacks[0].StackStatus' 2>"$scratch/error"); then
    printf '%s\n' "$status"
  elif grep -q 'does not exist' "$scratch/error"; then
    printf 'NONE\n'
  else
    cat "$scratch/error" >&2
    fail $NO_ACCESS "Expected to be allowed to look at stack '$1'."
  fi
}

# stack, name of an output
output() {
  local value
  value=$(ask "<$2>" cloudformation describe-stacks --stack-name "$1" \
    --query "Stacks[0].Outputs[?OutputKey=='$2'].OutputValue | [0]")
  [[ $value != None ]] || fail $FAILED \
    "Expected stack '$1' to say its $2 but it does not: look at its state in CloudFormation."
  printf '%s\n' "$value"
}

# stack, name of a parameter
parameter() {
  ask "<$2>" cloudformation describe-stacks --stack-name "$1" \
    --query "Stacks[0].Parameters[?ParameterKey=='$2'].ParameterValue | [0]"
}

# stack, logical id: what it is in AWS
physical_id() {
  ask "<$2>" cloudformation describe-stack-resource --stack-name "$1" --logical-resource-id "$2" \
    --query StackResourceDetail.PhysicalResourceId
}

# Waits until the stack is at rest, and prints its status.
wait_for_rest() {
  local status last=""
  while :; do
    status=$(stack_status "$1" DONE)
    [[ $status == *_IN_PROGRESS ]] || break
    [[ $status == "$last" ]] || say "  $(date +%H:%M:%S) $status"
    last=$status
    sleep "${STYLIZE_POLL_SECONDS:-10}"
  done
  printf '%s\n' "$status"
}

# Time of the stack's last event so far.
last_event() {
  ask "<time>" cloudformation describe-stack-events --no-paginate --stack-name "$1" --query 'StackEvents[0].Timestamp'
}

# stack, time: what failed in it and in the stacks within it since then. What was only cancelled for another's sake is
# left out.
show_failures() {
  local id since=$2 failed
  local within="ResourceType=='AWS::CloudFormation::Stack' && PhysicalResourceId!=StackId && PhysicalResourceId!=''"
  failed="StackEvents[?Timestamp>'$since' && ends_with(ResourceStatus, '_FAILED')"
  failed+=" && !contains(ResourceStatusReason || '', 'cancelled')]"
  ask "" cloudformation describe-stack-events --stack-name "$1" \
    --query "$failed.[StackName, LogicalResourceId, ResourceType, ResourceStatusReason]" |
    while IFS=$'\t' read -r -a event; do say "  ${event[0]} / ${event[1]} (${event[2]}): ${event[3]:-}"; done
  ask "" cloudformation describe-stack-events --stack-name "$1" \
    --query "$failed | [?$within].[PhysicalResourceId]" |
    sort -u | while read -r id; do show_failures "$id" "$since"; done
}
