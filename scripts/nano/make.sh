#!/usr/bin/env bash
# The embedded model from its data, start to end; every part can be interrupted and run again.
# usage: scripts/nano/make.sh DATA   (DATA/text/train/*.jsonl.gz and DATA/books/*.txt)
set -euo pipefail
cd "$(dirname "$0")/../.."
data=${1:?"usage: scripts/nano/make.sh DATA"}
here=runs/nano/data
mkdir -p "$here"
npm run --silent build
[ -f "$here/lm.jsonl" ] || node scripts/nano/prepare.mjs --data "$data" --out "$here" --passes 4
[ -f "$here/tokenizer.json" ] || node scripts/nano/tokenizer.mjs --data "$here"
if [ ! -f "$here/embeddings.bin" ]; then
  head -92000 "$here/train.jsonl" > "$here/once.jsonl"
  node scripts/nano/embeddings.mjs --texts "$here/once.jsonl,$here/lm.jsonl" \
    --tokenizer "$here/tokenizer.json" --width 192 --out "$here/embeddings.bin"
fi
node bin/zeroth.js train --config scripts/nano/train.json --resume
node scripts/nano/evaluate.mjs --model runs/nano/model --data "$here"
