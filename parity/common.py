"""What the fixture scripts share: tiny T5 folders with given weights, and how they are written."""
import json
import math
import os
import shutil

import torch
from safetensors.torch import load_file, save_file
from transformers import T5Config, T5ForConditionalGeneration
from transformers.utils import logging as transformers_logging

transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()
torch.set_num_threads(1)

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "test", "fixtures")


def write_json(path, value):
    """One key per line at the top, everything deeper on one line: readable in a diff and small."""
    if not isinstance(value, dict):
        value = {"items": value}
    lines = []
    for key, item in value.items():
        if isinstance(item, list) and item and isinstance(item[0], dict):
            body = "[\n    " + ",\n    ".join(json.dumps(x) for x in item) + "\n  ]"
        else:
            body = json.dumps(item)
        lines.append(f"  {json.dumps(key)}: {body}")
    with open(path, "w") as f:
        f.write("{\n" + ",\n".join(lines) + "\n}\n")


def fresh_folder(*parts):
    path = os.path.join(FIXTURES, *parts)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def config(**changes):
    base = dict(vocab_size=48, d_model=16, d_kv=4, d_ff=24, num_layers=2, num_decoder_layers=2, num_heads=4,
                feed_forward_proj="relu", dropout_rate=0.0, decoder_start_token_id=0, eos_token_id=1, pad_token_id=0)
    base.update(changes)
    return T5Config(**base)


def names_and_shapes(cfg, tied):
    """Names as in a checkpoint: without the aliases of `shared.weight`, and without `lm_head.weight` when tied."""
    model = T5ForConditionalGeneration(cfg)
    skip = {"encoder.embed_tokens.weight", "decoder.embed_tokens.weight"} | ({"lm_head.weight"} if tied else set())
    return {k: tuple(v.shape) for k, v in sorted(model.state_dict().items()) if k not in skip}


def normal_weights(cfg, tied, seed, std=0.35):
    g = torch.Generator().manual_seed(seed)
    out = {}
    for name, shape in names_and_shapes(cfg, tied).items():
        noise = torch.randn(shape, generator=g)
        if name.endswith("layer_norm.weight"):
            out[name] = 1 + 0.2 * noise
        elif name == "shared.weight":
            out[name] = noise
        else:
            out[name] = std * noise
    return out


def sine_weights(cfg, tied):
    """Weights any language can reproduce: s = sin(0.5 + 1.3 t + 0.61803 i) in double, t over the sorted names."""
    out = {}
    for t, (name, shape) in enumerate(names_and_shapes(cfg, tied).items()):
        i = torch.arange(math.prod(shape), dtype=torch.float64)
        s = torch.sin(0.5 + 1.3 * t + 0.61803 * i).reshape(shape)
        if name.endswith("layer_norm.weight"):
            s = 1 + 0.2 * s
        elif name != "shared.weight":
            s = 0.3 * s
        out[name] = s.float()
    return out


def load(folder, dtype=torch.float32):
    model = T5ForConditionalGeneration.from_pretrained(folder, dtype=dtype).eval()
    stored = stored_weights(folder)
    if "lm_head.weight" in stored:
        assert torch.equal(model.lm_head.weight.detach(), stored["lm_head.weight"].to(dtype)), "lm_head was not kept"
        assert model.lm_head.weight is not model.shared.weight
    return model


def stored_weights(folder):
    out = {}
    for name in sorted(os.listdir(folder)):
        if name.startswith("model") and name.endswith(".safetensors"):
            out.update(load_file(os.path.join(folder, name)))
    return out


def save_folder(folder, cfg, weights, tied, written_by=4, dtype=torch.float32, shard_bytes=None):
    """An ordinary model folder. written_by: 4 or 5, the transformers version whose habits config.json follows."""
    weights = {k: v.to(dtype).contiguous() for k, v in weights.items()}
    values = cfg.to_dict()
    values["dtype" if written_by == 5 else "torch_dtype"] = str(dtype).removeprefix("torch.")
    values["architectures"] = ["T5ForConditionalGeneration"]
    if written_by == 4:
        for key in ("scale_decoder_outputs", "tie_word_embeddings", "dtype"):
            values.pop(key, None)
        if not tied:
            values["tie_word_embeddings"] = False
        values["transformers_version"] = "4.57.6"
    else:
        values["tie_word_embeddings"] = True
        values["scale_decoder_outputs"] = tied
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(values, f, indent=2, sort_keys=True)
        f.write("\n")
    if shard_bytes is None:
        save_file(weights, os.path.join(folder, "model.safetensors"), {"format": "pt"})
        return
    shards, size = [{}], 0
    for name, value in weights.items():
        bytes_ = value.numel() * value.element_size()
        if size and size + bytes_ > shard_bytes:
            shards.append({})
            size = 0
        shards[-1][name] = value
        size += bytes_
    index = {"metadata": {"total_size": sum(v.numel() * v.element_size() for v in weights.values())}, "weight_map": {}}
    for n, shard in enumerate(shards):
        file = f"model-{n + 1:05d}-of-{len(shards):05d}.safetensors"
        save_file(shard, os.path.join(folder, file), {"format": "pt"})
        index["weight_map"].update({name: file for name in shard})
    with open(os.path.join(folder, "model.safetensors.index.json"), "w") as f:
        json.dump(index, f, indent=1)
        f.write("\n")


def pad(rows, value=0, left=False):
    width = max(map(len, rows))
    fill = [[value] * (width - len(r)) for r in rows]
    ids = [(f + r) if left else (r + f) for r, f in zip(rows, fill)]
    mask = [([0] * len(f) + [1] * len(r)) if left else ([1] * len(r) + [0] * len(f)) for r, f in zip(rows, fill)]
    return ids, mask


def shift_right(labels, start=0, pad_id=0):
    return [[start] + [pad_id if t == -100 else t for t in row[:-1]] for row in labels]
