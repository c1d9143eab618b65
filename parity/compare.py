"""Reading expected values (.json or .safetensors) and comparing: relative to the largest expected magnitude."""
import json

import numpy as np
from safetensors.numpy import load_file


def read_expected(path):
    if path.endswith(".safetensors"):
        return load_file(path)
    with open(path) as f:
        values = json.load(f)
    return {k: np.asarray(v, dtype=np.float64) for k, v in values.items() if isinstance(v, list)}


def gaps(got, expected):
    """Relative gap of every expected value that was computed; complains when none was."""
    out = {}
    for name, want in expected.items():
        short = name.rsplit(".", 1)[-1]
        key = name if name in got else short
        if key not in got:
            continue
        have = np.asarray(got[key], dtype=np.float64)
        want = np.asarray(want, dtype=np.float64)
        if have.shape != want.shape:
            raise SystemExit(f"{name}: shape {have.shape}, expected {want.shape}")
        if not np.isfinite(have).all():
            raise SystemExit(f"{name}: not every value is finite")
        out[name] = float(np.abs(have - want).max(initial=0) / max(np.abs(want).max(initial=0), 1e-30))
    if not out:
        raise SystemExit(f"nothing to compare: computed {sorted(got)}, expected {sorted(expected)}")
    return out
