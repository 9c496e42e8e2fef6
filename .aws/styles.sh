#!/usr/bin/env bash
# Uploads a folder of pictures as the styles of one environment.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

readonly HELP="Usage: .aws/styles.sh ENV FOLDER [options]

Uploads FOLDER's pictures (JPEG, PNG, WebP) as the styles that the service of ENV offers, under their file names. What
is there already and the same is left alone. A picture that was replaced is seen after five minutes at most, when
CloudFront asks for it again.

  --delete-missing   also delete styles that FOLDER does not have, after asking
  --yes              do not ask
  --parameters FILE  read these instead of .aws/parameters/ENV.env
  --print            print the commands, and run none

$STATUS_HELP"

# As protocol/protocol.ts's styleNameSchema.
readonly STYLE_NAME='^[A-Za-z0-9][A-Za-z0-9 _-]{0,63}\.(jpg|jpeg|png|webp)$'

folder=""
delete_missing=false

read_arguments() {
  while (($#)); do
    case $1 in
      --help | -h) say "$HELP"; exit 0 ;;
      --yes) yes=true ;;
      --print) print=true ;;
      --delete-missing) delete_missing=true ;;
      --parameters) parameters_file=${2:?Expected a file after --parameters.}; shift ;;
      -*) fail $USAGE "Expected an option of --help but received '$1'." ;;
      *) if [[ -z $environment ]]; then use_environment "$1"
         elif [[ -z $folder ]]; then folder=$1
         else fail $USAGE "Expected one folder but received '$1' beside '$folder'."; fi ;;
    esac
    shift
  done
  [[ -n $folder ]] || fail $USAGE "Expected an environment and a folder: .aws/styles.sh --help tells more."
  [[ -d $folder ]] || fail $USAGE "Expected a folder but '$folder' is none."
}

# What a file's first bytes say that it is.
type_of() {
  local bytes
  bytes=$(head -c 12 "$1" | od -An -v -tx1 | tr -d ' \n')
  case $bytes in
    ffd8ff*) echo image/jpeg ;;
    89504e470d0a1a0a*) echo image/png ;;
    52494646????????57454250) echo image/webp ;;
    *) echo nothing ;;
  esac
}

type_of_name() {
  case $1 in
    *.jpg | *.jpeg) echo image/jpeg ;;
    *.png) echo image/png ;;
    *.webp) echo image/webp ;;
  esac
}

# Tells of files that can't be styles, the first ten; uploads nothing if there is one.
check_files() {
  local file name is problem wrong=0
  for file in "$folder"/*; do
    name=${file##*/}
    if [[ ! -f $file ]]; then
      problem="Expected pictures alone in $folder but '$name' is no file."
    elif ! [[ $name =~ $STYLE_NAME ]]; then
      problem="Expected letters, digits, spaces, '_' and '-', at most 64 and then .jpg, .jpeg, .png or .webp,"
      problem+=" but received the name '$name'."
    elif is=$(type_of "$file") && [[ $is != "$(type_of_name "$name")" ]]; then
      problem="Expected '$name' to be $(type_of_name "$name") but it is ${is/nothing/none of the three}."
    else
      names+=("$name")
      continue
    fi
    ((++wrong > 10)) || printf 'error: %s\n' "$problem" >&2
  done
  ((wrong == 0)) || fail $USAGE "Expected pictures that can be styles but $wrong can't be; nothing was uploaded."
  ((${#names[@]} > 0)) || fail $USAGE "Expected pictures in '$folder' but it is empty."
}

upload() {
  local name sum sent=0
  for name in "${names[@]}"; do
    sum=$(md5sum <"$folder/$name" | cut -d' ' -f1)
    # The ETag of an object that was put in one piece, and is encrypted with S3's own key, is its MD5.
    if grep -qxF -- "style/$name"$'\t'"\"$sum\"" "$scratch/present"; then continue; fi
    say "Uploading $name."
    run aws s3api put-object --bucket "$bucket" --key "style/$name" --body "$folder/$name" \
      --content-type "$(type_of_name "$name")" >/dev/null
    ((++sent))
  done
  say "$sent uploaded, $((${#names[@]} - sent)) there already."
}

delete_others() {
  local key _ others=()
  while IFS=$'\t' read -r key _; do
    [[ $key == style/* && ! -f $folder/${key#style/} ]] && others+=("$key")
  done <"$scratch/present"
  ((${#others[@]} > 0)) || return 0
  say "Styles that '$folder' does not have:"
  for key in "${others[@]}"; do say "  ${key#style/}"; done
  "$delete_missing" || { say "They stay; --delete-missing deletes them."; return 0; }
  confirm "Delete them?" || fail $DECLINED "None was deleted."
  for key in "${others[@]}"; do run aws s3api delete-object --bucket "$bucket" --key "$key" >/dev/null; done
}

names=()
read_arguments "$@"
check_files
read_parameters "$parameters_file"
need md5sum od
identify
stack=$project-$environment
[[ $(stack_status "$stack" CREATE_COMPLETE) != NONE ]] || fail $USAGE \
  "Expected a stack '$stack' but there is none: deploy it first."
bucket=$(output "$stack" BucketName)
ask "" s3api list-objects-v2 --bucket "$bucket" --prefix style/ --query 'Contents[].[Key, ETag]' >"$scratch/present"
upload
delete_others
