"""Tiny tensors as torch writes them: zip, legacy, sharded, views and odd strides. python torch_bin.py OUT"""
import json
import os
import sys

import torch
from safetensors.torch import save_file
from transformers import T5Config, T5ForConditionalGeneration

out = sys.argv[1]
os.makedirs(out, exist_ok=True)
torch.manual_seed(0)
base = torch.randn(6, 4)
state = {
    "plain": torch.randn(3, 5),
    "base": base,
    "view": base[2:5],
    "turned": base.t(),
    "half": torch.randn(7).half(),
    "bfloat": torch.randn(2, 3).bfloat16(),
    "double": torch.randn(2, dtype=torch.float64),
    "long": torch.arange(5) * 10**12,
    "int": torch.tensor([-3, 4], dtype=torch.int32),
    "byte": torch.tensor([0, 255], dtype=torch.uint8),
    "bool": torch.tensor([True, False]),
    "scalar": torch.tensor(2.5),
    "empty": torch.zeros(0, 3),
    "parameter": torch.nn.Parameter(torch.randn(2)),
}
torch.save(state, f"{out}/tensors.zip.bin")
torch.save(state, f"{out}/tensors.legacy.bin", _use_new_zipfile_serialization=False)
torch.save({"state_dict": {"a": torch.ones(2)}, "step": 3}, f"{out}/nested.bin")
save_file({k: v.detach().contiguous().clone() for k, v in state.items()}, f"{out}/tensors.safetensors")

config = T5Config(vocab_size=64, d_model=16, d_kv=4, d_ff=24, num_layers=1, num_heads=2, tie_word_embeddings=True)
model = T5ForConditionalGeneration(config)
weights = model.state_dict()  # tied weights repeated, as the old files have them
for name, legacy in (("t5-zip", False), ("t5-legacy", True)):
    os.makedirs(f"{out}/{name}", exist_ok=True)
    config.save_pretrained(f"{out}/{name}")
    torch.save(weights, f"{out}/{name}/pytorch_model.bin", _use_new_zipfile_serialization=not legacy)
os.makedirs(f"{out}/t5-sharded", exist_ok=True)
config.save_pretrained(f"{out}/t5-sharded")
names, places = list(weights), {}
for i in range(2):
    file = f"pytorch_model-0000{i + 1}-of-00002.bin"
    part = names[i::2]
    torch.save({n: weights[n].clone() for n in part}, f"{out}/t5-sharded/{file}")
    places.update({n: file for n in part})
json.dump({"metadata": {}, "weight_map": places}, open(f"{out}/t5-sharded/pytorch_model.bin.index.json", "w"))
os.makedirs(f"{out}/t5-safetensors", exist_ok=True)
config.save_pretrained(f"{out}/t5-safetensors")
save_file({n: w.clone() for n, w in weights.items()}, f"{out}/t5-safetensors/model.safetensors", {"format": "pt"})
