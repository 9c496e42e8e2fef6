#!/usr/bin/env bash
# Deploys one environment: registry, images, then the stacks of templates/root.yaml. docs/aws.md tells the whole.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

shopt -s extglob

readonly HELP="Usage: .aws/deploy.sh ENV [options]

ENV is development, testing, staging or production; its parameters stand in .aws/parameters/ENV.env (see
example.env there). Each change set is shown before it is executed. Running it again is harmless.

  --yes              do not ask
  --images-of ENV    take the images that run in another environment, and build none
  --rollback         go back to the images that ran before, and change nothing else
  --parameters FILE  read these instead
  --print            print the commands, and run none

$STATUS_HELP"

mode=build
images_of=""

read_arguments() {
  while (($#)); do
    case $1 in
      --help | -h) say "$HELP"; exit 0 ;;
      --yes) yes=true ;;
      --print) print=true ;;
      --rollback) mode=rollback ;;
      --images-of) mode=copy images_of=${2:?Expected an environment after --images-of.}; shift ;;
      --parameters) parameters_file=${2:?Expected a file after --parameters.}; shift ;;
      -*) fail $USAGE "Expected an option of --help but received '$1'." ;;
      *) [[ -z $environment ]] || fail $USAGE "Expected one environment but received '$1' beside '$environment'."
         use_environment "$1" ;;
    esac
    shift
  done
  [[ -n $environment ]] || fail $USAGE "Expected an environment: .aws/deploy.sh --help tells more."
}

validate() {
  local template
  say "Validating templates."
  for template in "$@"; do
    ask "" cloudformation validate-template --template-body "file://$template" --query Description >/dev/null ||
      fail $FAILED "Expected a template that CloudFormation takes but $template is none."
  done
}

# How many vCPUs of G machines the account may have; new accounts often none.
warn_of_quotas() {
  local code what have
  for code in L-DB2E81BA L-3819A6DF; do
    what=$([[ $code == L-DB2E81BA ]] && echo "at the full price" || echo "on Spot")
    have=$(ask "<vCPUs>" service-quotas get-service-quota --service-code ec2 --quota-code "$code" \
      --query Quota.Value 2>/dev/null) || continue
    if [[ ${have%.*} =~ ^[0-3]$ ]]; then
      say "Warning: this account may have $have vCPUs of G machines $what, and the smallest has 4:" \
        "ask for more (docs/aws.md)."
    fi
  done
}

# -- change sets

# file, then names and values
write_parameters() {
  local file=$1 separator="["
  shift
  : >"$file"
  while (($#)); do
    printf '%s\n  {"ParameterKey": "%s", "ParameterValue": "%s"}' "$separator" "$1" "$2" >>"$file"
    if "$print"; then say "  $1=$2"; fi
    separator=","
    shift 2
  done
  printf '\n]\n' >>"$file"
}

# stack, change set, further arguments; prints its status and reason.
create_change_set() {
  local stack=$1 name=$2
  shift 2
  run aws cloudformation create-change-set --stack-name "$stack" --change-set-name "$name" \
    --capabilities CAPABILITY_IAM "$@" >/dev/null || return
  if "$print"; then echo CREATE_COMPLETE; return; fi
  aws cloudformation wait change-set-create-complete --stack-name "$stack" --change-set-name "$name" 2>/dev/null || true
  aws cloudformation describe-change-set --stack-name "$stack" --change-set-name "$name" \
    --query '[Status, StatusReason]' --output text
}

# arguments of describe-change-set; the changes of stacks within a stack follow it.
show_changes() {
  local action replacement type name nested
  ask "" cloudformation describe-change-set "$@" \
    --query 'Changes[].ResourceChange.[Action, Replacement, ResourceType, LogicalResourceId, ChangeSetId]' |
    while read -r action replacement type name nested; do
      [[ -n $action ]] || continue
      case $action/$replacement in
        Remove/*) say "  REMOVE   $type $name" ;;
        Modify/True) say "  REPLACE  $type $name" ;;
        Modify/Conditional) say "  Modify   $type $name (may be replaced)" ;;
        *) say "  $(printf '%-8s' "$action") $type $name" ;;
      esac
      if [[ ${nested:-None} != None ]]; then show_changes --change-set-name "$nested"; fi
    done
}

# A first deployment that failed leaves a stack that can only be deleted.
remove_remains() {
  say "Stack '$1' is what a first deployment that failed has left; it is deleted first."
  confirm "Delete it?" || fail $DECLINED "Nothing was changed."
  run aws cloudformation delete-stack --stack-name "$1"
  [[ $(wait_for_rest "$1") =~ ^(NONE|DELETE_COMPLETE|DONE)$ ]] || fail $STACK_FAILED \
    "Expected stack '$1' to be deleted; .aws/destroy.sh goes on with that."
}

# Says CREATE or UPDATE, for a stack that can be changed.
kind_of_change() {
  local status
  status=$(stack_status "$1")
  case $status in
    NONE | REVIEW_IN_PROGRESS) echo CREATE ;;
    ROLLBACK_COMPLETE | CREATE_FAILED) remove_remains "$1"; echo CREATE ;;
    *_IN_PROGRESS) fail $STACK_FAILED \
      "Expected stack '$1' to be at rest but it is $status: try again when it has ended." ;;
    UPDATE_ROLLBACK_FAILED) fail $STACK_FAILED \
      "Expected stack '$1' to be whole but it is $status: repair what its events name, then run" \
      "'aws cloudformation continue-update-rollback --stack-name $1'." ;;
    ROLLBACK_FAILED | DELETE_FAILED) fail $STACK_FAILED \
      "Expected stack '$1' to be whole but it is $status: run .aws/destroy.sh first." ;;
    *) echo UPDATE ;;
  esac
}

# stack, then where its template and parameters are: makes a change set, shows it, asks, executes it and waits.
apply() {
  local stack=$1 kind name status reason since
  shift
  kind=$(kind_of_change "$stack")
  name=deploy-$(date -u +%Y%m%d-%H%M%S)
  # Stacks that don't exist yet have nothing to compare with, and their parameters no values.
  local nested=()
  [[ $kind == UPDATE ]] && nested=(--include-nested-stacks)
  say "Stack '$stack': $kind"
  read -r status reason < <(create_change_set "$stack" "$name" --change-set-type "$kind" "${nested[@]}" "$@") || true
  if [[ ${status:-} == FAILED && $kind == UPDATE &&
    $reason != *"didn't contain changes"* && $reason != *"No updates"* ]]; then
    say "  The stacks within it can't be shown: $reason"
    run aws cloudformation delete-change-set --stack-name "$stack" --change-set-name "$name" || true
    name=$name-flat
    read -r status reason < <(create_change_set "$stack" "$name" --change-set-type "$kind" "$@") || true
  fi
  if [[ ${status:-} == FAILED && ($reason == *"didn't contain changes"* || $reason == *"No updates"*) ]]; then
    run aws cloudformation delete-change-set --stack-name "$stack" --change-set-name "$name"
    say "  Nothing changes."
    return
  fi
  [[ ${status:-} == CREATE_COMPLETE ]] || fail $STACK_FAILED \
    "Expected a change set for stack '$stack' but received: ${status:-no answer} ${reason:-}"
  show_changes --stack-name "$stack" --change-set-name "$name"
  if ! confirm "Execute this?"; then
    run aws cloudformation delete-change-set --stack-name "$stack" --change-set-name "$name"
    if [[ $kind == CREATE ]]; then run aws cloudformation delete-stack --stack-name "$stack"; fi
    fail $DECLINED "Nothing was changed in stack '$stack'."
  fi
  since=$(last_event "$stack")
  run aws cloudformation execute-change-set --stack-name "$stack" --change-set-name "$name"
  status=$(wait_for_rest "$stack")
  case $status in
    CREATE_COMPLETE | UPDATE_COMPLETE | DONE) say "  $status" ;;
    *)
      say "What failed:"
      show_failures "$stack" "$since"
      fail $STACK_FAILED "Expected stack '$stack' to be changed but it is $status: $(consequence "$status")" ;;
  esac
}

consequence() {
  case $1 in
    UPDATE_ROLLBACK_COMPLETE) echo "it is again as it was before." ;;
    ROLLBACK_COMPLETE) echo "all that was created is deleted again; what is retained (docs/aws.md) stays." ;;
    *) echo "it was not taken back whole; its events in CloudFormation tell more." ;;
  esac
}

# -- images

# A commit; where files differ from it, with their hash.
source_tag() {
  local commit
  commit=$(git -C "$repository" rev-parse --short=12 HEAD)
  if [[ -z $(git -C "$repository" status --porcelain) ]]; then
    printf '%s\n' "$commit"
    return
  fi
  [[ $environment != production ]] || fail $USAGE "Expected a tree without changes for production: commit them."
  printf '%s-%s\n' "$commit" "$(cd "$repository" && git ls-files -co --exclude-standard -z |
    xargs -0 sha256sum 2>/dev/null | sha256sum | cut -c1-12)"
}

digest_of() { # repository's name, tag
  ask "" ecr describe-images --repository-name "$1" --image-ids "imageTag=$2" \
    --query 'imageDetails[0].imageDigest' 2>/dev/null
}

log_in_to_registry() {
  local registry=$account.dkr.ecr.$AWS_REGION.amazonaws.com
  if "$print"; then
    say "+ aws ecr get-login-password | docker login --username AWS --password-stdin $registry"
  else
    aws ecr get-login-password | docker login --username AWS --password-stdin "$registry" >/dev/null
  fi
}

# name, the sources' tag, build arguments: builds and pushes what is not there yet, and prints the image by digest.
build_image() {
  local name=$1 tag uri digest
  tag=$2-$(printf '%s\n' "${@:3}" | sha256sum | cut -c1-8)
  local revision="REVISION=$2"
  shift 2
  uri=$(output "$project-registry" "${name^}RepositoryUri")
  digest=$(digest_of "$project-$name" "$tag" || true)
  if [[ -z $digest ]]; then
    say "Building and pushing $project-$name:$tag."
    # One manifest rather than an index with attestations: its digest is what runs.
    run docker buildx build --platform linux/amd64 --provenance=false --push --file "$here/images/$name.Dockerfile" \
      --tag "$uri:$tag" --build-arg "$revision" "$@" "$repository" >&2
    digest=$(digest_of "$project-$name" "$tag" || true)
    if "$print"; then digest="sha256:<digest>"; fi
    [[ -n $digest ]] || fail $FAILED "Expected an image $uri:$tag after pushing it but there is none."
  else
    say "Image $project-$name:$tag is there."
  fi
  printf '%s@%s\n' "$uri" "$digest"
}

find_images() {
  if [[ $mode == copy ]]; then
    gateway_image=$(parameter "$project-$images_of" GatewayImage)
    worker_image=$(parameter "$project-$images_of" WorkerImage)
    [[ $worker_image == *@sha256:* || $print == true ]] || fail $USAGE \
      "Expected images in stack '$project-$images_of' but it has none."
    return
  fi
  local tag arguments=()
  tag=$(source_tag)
  if [[ -n $node_image ]]; then arguments+=(--build-arg "NODE_IMAGE=$node_image"); fi
  log_in_to_registry || fail $FAILED "Expected Docker to log in to the registry."
  gateway_image=$(build_image gateway "$tag" "${arguments[@]}")
  if [[ -n $weights ]]; then arguments+=(--build-arg "WEIGHTS=$weights"); fi
  worker_image=$(build_image worker "$tag" "${arguments[@]}")
}

# -- releases: which images ran, in the bucket of templates

record_release() {
  printf 'GatewayImage=%s\nWorkerImage=%s\n' "$gateway_image" "$worker_image" >"$scratch/release.env"
  run aws s3 cp --only-show-errors "$scratch/release.env" \
    "s3://$bucket/releases/$stack/$(date -u +%Y-%m-%dT%H-%M-%SZ).env"
}

# The newest release whose images are not those that run.
find_release_before() {
  local key current
  gateway_image=$(parameter "$stack" GatewayImage)
  worker_image=$(parameter "$stack" WorkerImage)
  current=$(printf 'GatewayImage=%s\nWorkerImage=%s' "$gateway_image" "$worker_image")
  for key in $(ask "releases/$stack/<time>.env" s3api list-objects-v2 --bucket "$bucket" \
    --prefix "releases/$stack/" --query 'Contents[].[Key]' | sort -r); do
    [[ $key == releases/* ]] || continue
    run aws s3 cp --only-show-errors "s3://$bucket/$key" "$scratch/before.env"
    if "$print"; then gateway_image="<before>" worker_image="<before>"; return; fi
    [[ $(<"$scratch/before.env") != "$current" ]] || continue
    gateway_image=$(sed -n 's/^GatewayImage=//p' "$scratch/before.env")
    worker_image=$(sed -n 's/^WorkerImage=//p' "$scratch/before.env")
    [[ $gateway_image == *@sha256:* && $worker_image == *@sha256:* ]] || fail $FAILED \
      "Expected two images in s3://$bucket/$key but there are none."
    say "Going back to $(basename "$key" .env)."
    return
  done
  fail $USAGE "Expected a release of '$stack' before this one but there is none."
}

roll_back() {
  local names name arguments=()
  assumed=CREATE_COMPLETE
  [[ $(stack_status "$stack") != NONE ]] || fail $USAGE "Expected a stack '$stack' but there is none."
  find_release_before
  names=$(ask "$(root_parameters)" cloudformation describe-stacks --stack-name "$stack" \
    --query 'Stacks[0].Parameters[].[ParameterKey]')
  for name in $names; do
    case $name in
      GatewayImage) arguments+=("ParameterKey=$name,ParameterValue=$gateway_image") ;;
      WorkerImage) arguments+=("ParameterKey=$name,ParameterValue=$worker_image") ;;
      *) arguments+=("ParameterKey=$name,UsePreviousValue=true") ;;
    esac
  done
  apply "$stack" --use-previous-template --parameters "${arguments[@]}"
}

# -- in order

deploy() {
  local list name arguments
  # All but the root, which names files here until it is packaged.
  validate "$here"/templates/!(root).yaml
  warn_of_quotas
  list=$(ask pl-00000000 ec2 describe-managed-prefix-lists \
    --filters Name=prefix-list-name,Values=com.amazonaws.global.cloudfront.origin-facing \
    --query 'PrefixLists[0].PrefixListId')
  [[ $list == pl-* ]] || fail $FAILED "Expected a prefix list of CloudFront in $AWS_REGION but there is none."
  write_parameters "$scratch/registry.json" Project "$project"
  apply "$project-registry" --template-body "file://$here/templates/registry.yaml" \
    --parameters "file://$scratch/registry.json"
  bucket=$(output "$project-registry" TemplateBucketName)
  find_images
  run aws cloudformation package --template-file "$here/templates/root.yaml" --s3-bucket "$bucket" \
    --s3-prefix templates --output-template-file "$scratch/root.yaml" >/dev/null
  validate "$scratch/root.yaml"
  arguments=(Environment "$environment" GatewayImage "$gateway_image" WorkerImage "$worker_image"
    CloudFrontPrefixListId "$list")
  for name in "${!parameters[@]}"; do arguments+=("$name" "${parameters[$name]}"); done
  write_parameters "$scratch/root.json" "${arguments[@]}"
  apply "$stack" --template-body "file://$scratch/root.yaml" --parameters "file://$scratch/root.json"
}

read_arguments "$@"
read_parameters "$parameters_file"
stack=$project-$environment
if [[ $mode == build ]]; then need docker git; fi
identify
if [[ $mode == rollback ]]; then
  bucket=$(output "$project-registry" TemplateBucketName)
  roll_back
else
  deploy
fi
record_release
say "The service is at $(output "$stack" Url)"
