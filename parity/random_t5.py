"""A T5 checkpoint of random weights in sharded .bin files, of any size: python random_t5.py OUT xl|xxl
Weights repeat one random block, so that writing 44 GB takes the disk's time and not the generator's."""

import json
import os
import sys

import torch

out, size = sys.argv[1], sys.argv[2]
width, heads, ff, layers = {"base": (768, 12, 2048, 12), "xl": (2048, 32, 5120, 24), "xxl": (4096, 64, 10240, 24)}[size]
inner, vocabulary = heads * 64, 32128
os.makedirs(out, exist_ok=True)
noise = torch.randn(1 << 24)


def matrix(rows, columns, std):
    count = rows * columns
    return (noise.repeat(-(-count // noise.numel()))[:count] * std).reshape(rows, columns)


def attention(prefix, first):
    for name in "qkv":
        yield f"{prefix}.{name}.weight", lambda: matrix(inner, width, width**-0.5 / (8 if name == "q" else 1))
    yield f"{prefix}.o.weight", lambda: matrix(width, inner, inner**-0.5)
    if first:
        yield f"{prefix}.relative_attention_bias.weight", lambda: matrix(32, heads, 0.1)


def stack(name):
    for i in range(layers):
        block = f"{name}.block.{i}.layer"
        parts = [("SelfAttention", i == 0)] + ([("EncDecAttention", False)] if name == "decoder" else [])
        for j, (kind, first) in enumerate(parts):
            yield from attention(f"{block}.{j}.{kind}", first)
            yield f"{block}.{j}.layer_norm.weight", lambda: torch.ones(width)
        dense = f"{block}.{len(parts)}.DenseReluDense"
        for part in ("wi_0", "wi_1"):
            yield f"{dense}.{part}.weight", lambda: matrix(ff, width, width**-0.5)
        yield f"{dense}.wo.weight", lambda: matrix(width, ff, ff**-0.5)
        yield f"{block}.{len(parts)}.layer_norm.weight", lambda: torch.ones(width)
    yield f"{name}.final_layer_norm.weight", lambda: torch.ones(width)


def tensors():
    yield "shared.weight", lambda: matrix(vocabulary, width, 1.0)
    yield from stack("encoder")
    yield from stack("decoder")
    yield "lm_head.weight", lambda: matrix(vocabulary, width, width**-0.5)


shards, held, bytes_held = [], {}, 0
for name, make in tensors():
    held[name] = make()
    bytes_held += held[name].numel() * 4
    if bytes_held > 2 << 30:
        shards.append(list(held))
        torch.save(held, f"{out}/part-{len(shards)}.bin")
        held, bytes_held = {}, 0
if held:
    shards.append(list(held))
    torch.save(held, f"{out}/part-{len(shards)}.bin")
places = {}
for i, names in enumerate(shards):
    file = f"pytorch_model-{i + 1:05}-of-{len(shards):05}.bin"
    os.rename(f"{out}/part-{i + 1}.bin", f"{out}/{file}")
    places.update({name: file for name in names})
json.dump({"metadata": {}, "weight_map": places}, open(f"{out}/pytorch_model.bin.index.json", "w"))
config = {
    "architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "d_model": width, "d_kv": 64, "d_ff": ff,
    "num_layers": layers, "num_decoder_layers": layers, "num_heads": heads, "vocab_size": vocabulary,
    "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False, "relative_attention_num_buckets": 32,
    "layer_norm_epsilon": 1e-06, "decoder_start_token_id": 0, "eos_token_id": 1, "pad_token_id": 0,
}
json.dump(config, open(f"{out}/config.json", "w"), indent=2)
