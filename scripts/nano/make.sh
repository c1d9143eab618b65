#!/usr/bin/env bash
# The embedded model from its data, start to end; every part can be interrupted and run again.
# usage: scripts/nano/make.sh DATA   (DATA/text/{train,p3,ni,heldout}/*.jsonl.gz and DATA/books/*.txt)
set -euo pipefail
cd "$(dirname "$0")/../.."
data=${1:?"usage: scripts/nano/make.sh DATA"}
here=runs/nano/data
mkdir -p "$here"
npm run --silent build
[ -f "$here/lm.jsonl" ] || node scripts/nano/prepare.mjs --data "$data" --out "$here"
[ -f "$here/mixture-asked.json" ] || node scripts/nano/pose.mjs --data "$here"
# The tokenizer stays what it was in the first version.
[ -f "$here/tokenizer.json" ] || cp models/zeroth-nano/tokenizer.json "$here"
[ -f "$here/embeddings.bin" ] || node scripts/nano/embeddings.mjs --data "$here" --out "$here/embeddings.bin"
node bin/zeroth.js train --config scripts/nano/tasks.json --resume
node bin/zeroth.js train --config scripts/nano/more.json --resume
node bin/zeroth.js train --config scripts/nano/on.json --resume
node scripts/nano/evaluate.mjs --model runs/nano/on --data "$here" --heldout "$data/text/heldout"
