#!/bin/sh
# Packs the installed peers, without what Linux on x64 never loads (30 instead of 750 MB), for a machine without
# network:
#   sh bench/peers/pack.sh FILE.tar.xz       and there       tar -xJf FILE.tar.xz -C bench/peers
set -eu
file=$(realpath -m "${1:?Expected the file to write.}")
cd "$(dirname "$0")"
tar -c \
  --exclude='*.map' --exclude='*.d.ts' --exclude='*.d.cts' --exclude='*.html' --exclude='*.tsbuildinfo' \
  --exclude=darwin --exclude=win32 --exclude=linux/arm64 \
  --exclude='tf*.es2017*' --exclude='tf*.fesm*' --exclude='tf*.min.js' --exclude=miniprogram \
  --exclude='@tensorflow/*/src' --exclude=tf.js --exclude=tf-core.js --exclude=tf-layers.js --exclude=tf-converter.js \
  --exclude=tf-data.js --exclude='*_test.js' \
  --exclude='*jsep*' --exclude='*jspi*' --exclude='ort.all*' --exclude='ort.webgl*' \
  node_modules | xz -T0 -3 -c >"$file"
