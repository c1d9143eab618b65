"""Writes test/fixtures/vit: tiny ViTs with and without a classifier, and what transformers computes. See README.md."""
import os
import sys

import torch
from safetensors.torch import save_file
from transformers import ViTConfig, ViTForImageClassification, ViTModel

from common import fresh_folder, write_json
from tiny import WRITER, images, randomise, save, train

NAMES = {0: "a circle", 1: "a square", 2: "a cross"}
CASES = {
    "classifier": (ViTForImageClassification, dict(id2label=NAMES, label2id={v: k for k, v in NAMES.items()})),
    # Pixels that fill no patch are left out; a bare encoder gives one vector of an image too.
    "bare": (ViTModel, dict(image_size=[11, 11], patch_size=[4, 4], num_channels=1, qkv_bias=False, hidden_act="gelu_new",
                            layer_norm_eps=1e-6, pooler_output_size=7)),
}


def config(**changes):
    base = dict(hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=20, image_size=8,
                patch_size=4)
    return ViTConfig(**{**base, **changes})


def memory(name):
    """What transformers 5 calls a tensor of the file."""
    for old, new in (("encoder.layer.", "layers."), ("attention.attention.query", "attention.q_proj"),
                     ("attention.attention.key", "attention.k_proj"), ("attention.attention.value", "attention.v_proj"),
                     ("attention.output.dense", "attention.o_proj"), ("intermediate.dense", "mlp.fc1"),
                     ("output.dense", "mlp.fc2")):
        name = name.replace(old, new)
    return name


def write_case(name, seed):
    make, changes = CASES[name]
    folder = fresh_folder("vit", name)
    model = randomise(make(config(**changes)), seed, words=0.5)
    save(model, folder)
    g = torch.Generator().manual_seed(1000 + seed)
    size = 8 if name == "classifier" else 11
    pixels = images(g, 3, size, model.config.num_channels)
    given = torch.tensor(pixels)
    with torch.no_grad():
        bare = model.vit if name == "classifier" else model
        out = bare(pixel_values=given)
        expected = {"hidden": out.last_hidden_state}
        if name == "classifier":
            expected["scores"] = model(pixel_values=given).logits
        else:
            expected["pooled"] = out.pooler_output
    save_file({k: v.contiguous() for k, v in expected.items()}, os.path.join(folder, "expected.safetensors"))
    write_json(os.path.join(folder, "expected.json"), {"writer": WRITER, "pixels": pixels})
    if name == "classifier":
        batches = [[{"pixels": image, "target": [int(torch.randint(0, 3, (1,), generator=g))]}
                    for image in images(g, 4, size)] for _ in range(4)]
        train(lambda: make.from_pretrained(folder), folder, batches,
              lambda batch: {"pixel_values": [row["pixels"] for row in batch],
                             "labels": [row["target"][0] for row in batch]}, "adamw", memory=memory)
    print(name)


if __name__ == "__main__":
    for case in sys.argv[1:] or CASES:
        write_case(case, 31 + list(CASES).index(case))
