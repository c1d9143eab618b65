"""Runs an .onnx file in Python's onnxruntime and prints its outputs as one JSON line.

    python check_onnx.py FILE.onnx INPUTS.json [EXPECTED.json|.safetensors] [--tolerance 1e-4] [--check]

INPUTS.json: {input name: nested list, or {"shape": [...], "data": [...]} for empty or large values}; an input the
file does not have is an error. Numbers are cast to the type the file declares. EXPECTED: {output name: nested list}.
--check also runs onnx.checker over the file. Exit status 1 beyond tolerance.
"""
import argparse
import json
import sys

import numpy as np
import onnxruntime

from compare import gaps, read_expected

TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16,
         "tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(int8)": np.int8, "tensor(uint8)": np.uint8,
         "tensor(bool)": np.bool_, "tensor(uint32)": np.uint32, "tensor(uint64)": np.uint64}

parser = argparse.ArgumentParser()
parser.add_argument("file")
parser.add_argument("inputs")
parser.add_argument("expected", nargs="?")
parser.add_argument("--tolerance", type=float, default=1e-4)
parser.add_argument("--check", action="store_true")
args = parser.parse_args()

if args.check:
    import onnx
    onnx.checker.check_model(args.file)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.log_severity_level = 3
session = onnxruntime.InferenceSession(args.file, options, providers=["CPUExecutionProvider"])
with open(args.inputs) as f:
    given = json.load(f)
declared = {i.name: TYPES[i.type] for i in session.get_inputs()}
if set(given) != set(declared):
    raise SystemExit(f"{args.file} takes {sorted(declared)}, given {sorted(given)}")


def array(name, value):
    if isinstance(value, dict):
        return np.asarray(value["data"], dtype=declared[name]).reshape(value["shape"])
    return np.asarray(value, dtype=declared[name])


names = [o.name for o in session.get_outputs()]
got = dict(zip(names, session.run(names, {k: array(k, v) for k, v in given.items()})))
print(json.dumps({k: v.tolist() for k, v in got.items()}))
if args.expected:
    found = gaps(got, read_expected(args.expected))
    print(json.dumps({"relative_gap": found}), file=sys.stderr)
    sys.exit(max(found.values()) > args.tolerance)
