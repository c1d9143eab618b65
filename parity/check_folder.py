"""Loads a model folder in transformers and prints {"logits": ..., "tensors": ...} for given ids as one JSON line.

    python check_folder.py FOLDER INPUTS.json [EXPECTED.json|.safetensors] [--tolerance 1e-4] [--section batch]

INPUTS.json: {"input_ids", "attention_mask"?, "decoder_input_ids" | "labels"} (also inside the section's key).
EXPECTED: "logits" (and "encoder", if there); with --section batch "batch.logits". Exit status 1 beyond tolerance.
"""
import argparse
import json
import sys

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM
from transformers.utils import logging as transformers_logging

from compare import gaps, read_expected

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("inputs")
parser.add_argument("expected", nargs="?")
parser.add_argument("--section")
parser.add_argument("--tolerance", type=float, default=1e-4)
args = parser.parse_args()

transformers_logging.disable_progress_bar()
kind = AutoModelForSeq2SeqLM if AutoConfig.from_pretrained(args.folder).is_encoder_decoder else AutoModelForCausalLM
model, info = kind.from_pretrained(args.folder, dtype=torch.float32, output_loading_info=True)
for problem in ("missing_keys", "unexpected_keys", "mismatched_keys"):
    if info.get(problem):
        raise SystemExit(f"{args.folder}: {problem} {sorted(map(str, info[problem]))}")
with open(args.inputs) as f:
    inputs = json.load(f)
inputs = inputs[args.section] if args.section else inputs
names = ("input_ids", "attention_mask", "decoder_input_ids", "labels")
tensors = {k: torch.tensor(inputs[k]) for k in names if k in inputs}
if "labels" in tensors:
    tensors.pop("decoder_input_ids", None)
with torch.no_grad():
    out = model.eval()(**tensors)
got = {"logits": out.logits.numpy()}
if getattr(out, "encoder_last_hidden_state", None) is not None:
    got["encoder"] = out.encoder_last_hidden_state.numpy()
result = {"logits": out.logits.tolist(), "shape": list(out.logits.shape)}
if out.get("loss") is not None:
    result["loss"] = out.loss.item()
print(json.dumps(result))
if args.expected:
    expected = read_expected(args.expected)
    if args.section:
        expected = {k: v for k, v in expected.items() if k.startswith(args.section + ".")}
    found = gaps(got, expected)
    print(json.dumps({"relative_gap": found}), file=sys.stderr)
    sys.exit(max(found.values()) > args.tolerance)
