#!/usr/bin/env bash
# Deletes one environment. Says first what is lost and what stays. The registry, which other environments share, is left
# alone.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

readonly HELP="Usage: .aws/destroy.sh ENV [options]

Deletes the stacks of ENV: development, testing, staging or production. Buckets and the key of the jobs' tokens
stay, and Redis leaves a snapshot. Production is only deleted after its name was typed on a terminal; --yes does not do.

  --yes              do not ask
  --parameters FILE  read these instead of .aws/parameters/ENV.env
  --print            print the commands, and run none

$STATUS_HELP"

read_arguments() {
  while (($#)); do
    case $1 in
      --help | -h) say "$HELP"; exit 0 ;;
      --yes) yes=true ;;
      --print) print=true ;;
      --parameters) parameters_file=${2:?Expected a file after --parameters.}; shift ;;
      -*) fail $USAGE "Expected an option of --help but received '$1'." ;;
      *) [[ -z $environment ]] || fail $USAGE "Expected one environment but received '$1' beside '$environment'."
         use_environment "$1" ;;
    esac
    shift
  done
  [[ -n $environment ]] || fail $USAGE "Expected an environment: .aws/destroy.sh --help tells more."
}

# template, policy: logical ids of the resources that have it, a line each.
with_policy() {
  awk -v policy="$2" '/^[A-Za-z]/ {inside = /^Resources:/} inside && /^  [A-Za-z0-9]+:$/ {id = $1; sub(/:/, "", id)}
    inside && $1 == "DeletionPolicy:" && $2 == policy {print id}' "$1"
}

# What stays, with its name in AWS.
list_kept() {
  local id data name
  data=$(physical_id "$stack" Data 2>/dev/null) || data=""
  for id in $(with_policy "$here/templates/data.yaml" RetainExceptOnCreate); do
    [[ $id != *Policy && -n $data ]] || continue
    if name=$(physical_id "$data" "$id" 2>/dev/null); then printf '  %s: %s\n' "$id" "$name"; fi
  done
  for id in $(with_policy "$here/templates/data.yaml" Snapshot); do printf '  a last snapshot of %s\n' "$id"; done
  printf '  images, templates and the list of releases (%s-registry)\n' "$project"
}

show_lost() {
  local url
  url=$(output "$stack" Url 2>/dev/null) || url=""
  say "  the service at ${url:-an address that it has not got yet}, and that address where it is CloudFront's own"
  say "  jobs that wait or are painted, and all records of jobs but those in the snapshot"
  say "  logs, alarms, the dashboard, the budget, news that wait in the queues"
}

ask_for_name() {
  "$print" && return
  if [[ $environment != production ]]; then
    confirm "Delete '$stack'?" || fail $DECLINED "Nothing was deleted."
    return
  fi
  [[ -t 0 ]] || fail $DECLINED \
    "Expected a terminal on which the name '$stack' is typed; production is deleted in no other way."
  local answer
  read -r -p "Type '$stack' to delete it: " answer
  [[ $answer == "$stack" ]] || fail $DECLINED "Expected '$stack' but received '$answer': nothing was deleted."
}

unprotect_load_balancer() {
  local edge load_balancer
  edge=$(physical_id "$stack" Edge 2>/dev/null) || return 0
  load_balancer=$(physical_id "$edge" LoadBalancer 2>/dev/null) || return 0
  run aws elbv2 modify-load-balancer-attributes --load-balancer-arn "$load_balancer" \
    --attributes Key=deletion_protection.enabled,Value=false >/dev/null
}

# CloudFront makes a security group in the VPC for its origin, and leaves it there: the VPC can't be deleted before it.
remove_group_of_cloudfront() {
  local id
  for id in $(ask "sg-00000000" ec2 describe-security-groups --query 'SecurityGroups[].[GroupId]' \
    --filters "Name=vpc-id,Values=$1" Name=group-name,Values=CloudFront-VPCOrigins-Service-SG); do
    run aws ec2 delete-security-group --group-id "$id" >/dev/null || say "  $id is still in use."
  done
}

delete_stack() {
  local network vpc="" try status since
  if network=$(physical_id "$stack" Network 2>/dev/null); then
    vpc=$(physical_id "$network" Vpc 2>/dev/null) || vpc=""
  fi
  for try in 1 2 3; do
    since=$(last_event "$stack")
    run aws cloudformation delete-stack --stack-name "$stack"
    status=$(wait_for_rest "$stack")
    [[ $status != NONE && $status != DELETE_COMPLETE ]] || return 0
    if [[ -n $vpc ]]; then remove_group_of_cloudfront "$vpc"; fi
    if [[ $status == DONE ]]; then return; fi # --print
    say "Try $try ended with $status. What failed:"
    show_failures "$stack" "$since"
  done
  fail $STACK_FAILED \
    "Expected stack '$stack' to be deleted but it is $status: remove what is named above, then run this again."
}

read_arguments "$@"
read_parameters "$parameters_file"
stack=$project-$environment
identify
case $(stack_status "$stack" CREATE_COMPLETE) in
  NONE) say "There is no stack '$stack'."; exit 0 ;;
  *_IN_PROGRESS) fail $STACK_FAILED "Expected stack '$stack' to be at rest; try again when its change has ended." ;;
esac
say "Lost will be:"
show_lost
say "What stays, and goes on to cost its storage:"
kept=$(list_kept)
say "$kept"
ask_for_name
unprotect_load_balancer
delete_stack
say "Deleted. What stays:"
say "$kept"
say "docs/aws.md (Removing it) has the commands that delete these, too."
