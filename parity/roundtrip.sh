#!/bin/sh
# Folders and ONNX files written here, opened by transformers and by onnxruntime in Python: same logits within 1e-4.
#   npm run build && PYTHON=parity/.venv/bin/python parity/roundtrip.sh [CASE ...]
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
if [ $# -eq 0 ]; then
  for folder in test/fixtures/t5/*/; do set -- "$@" "$(basename "$folder")"; done
fi
for name in "$@"; do
  fixture=test/fixtures/t5/$name
  node parity/roundtrip.js "$fixture" "$out/$name"
  "$python" parity/check_folder.py "$out/$name/folder" "$fixture/expected.json" "$fixture/expected.safetensors" \
    --section batch > "$out/log" 2> "$out/errors" || { cat "$out/errors"; echo "$name: transformers disagrees"; exit 1; }
  gap=$(grep relative_gap "$out/errors")
  for graph in encoder decoder decoder_step; do
    "$python" parity/check_onnx.py "$out/$name/onnx/$graph.onnx" "$out/$name/$graph.inputs.json" \
      "$out/$name/$graph.expected.json" --check > "$out/log" 2> "$out/errors" ||
      { cat "$out/errors"; echo "$name: onnxruntime disagrees on $graph.onnx"; exit 1; }
    gap="$gap $(grep relative_gap "$out/errors")"
  done
  echo "$name $gap"
done
