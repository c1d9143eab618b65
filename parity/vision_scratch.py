"""timm's ViT trained from scratch as scripts/vision/experiment.mjs trains ours: what PyTorch reaches with the same recipe.

python parity/vision_scratch.py VISION [--epochs 16] [--weight-init jax]

VISION holds omniglot/ as IDX files. Prints the accuracy on the held-out drawers after every epoch.
"""

import argparse
import gzip
import math
from pathlib import Path

import numpy as np
import torch
from timm.models.vision_transformer import VisionTransformer

parser = argparse.ArgumentParser()
parser.add_argument("vision", type=Path)
parser.add_argument("--epochs", type=int, default=16)
parser.add_argument("--weight-init", default="jax")
given = parser.parse_args()
torch.manual_seed(0)
torch.set_num_threads(1)
random = np.random.default_rng(0)


def idx(name, skip, dtype):
    return np.frombuffer(gzip.open(given.vision / "omniglot" / name).read()[skip:], dtype=dtype)


images = idx("background-images-idx3-ubyte.gz", 16, np.uint8).reshape(-1, 28, 28)
drawers = idx("background-drawers-idx1-ubyte.gz", 8, np.uint8)
labels = idx("background-labels-idx1-short.gz", 8, ">i2").astype(np.int64)
train, held = np.where(drawers <= 16)[0], np.where(drawers > 16)[0]

model = VisionTransformer(
    img_size=28,
    patch_size=7,
    in_chans=1,
    num_classes=964,
    embed_dim=64,
    depth=3,
    num_heads=4,
    global_pool="avg",
    class_token=False,
    weight_init=given.weight_init,
)
print(sum(p.numel() for p in model.parameters()), "parameters")


def pixels(some):
    return (torch.tensor(some, dtype=torch.float32)[:, None] / 255 - 0.5) / 0.5


peak, batch = 2e-3, 128
optimizer = torch.optim.AdamW(model.parameters(), lr=peak, weight_decay=0.03)
steps = math.ceil(len(train) / batch) * given.epochs
warm, step = 0.1 * steps, 0
for epoch in range(given.epochs):
    model.train()
    order = random.permutation(train)
    for first in range(0, len(order), batch):
        rows = order[first : first + batch]
        moves = random.integers(-2, 3, (len(rows), 2))
        moved = np.stack([np.roll(images[i], tuple(move), (0, 1)) for i, move in zip(rows, moves)])
        rate = min(1, (step + 1) / warm) * 0.5 * (1 + math.cos(math.pi * max(0, (step - warm) / (steps - warm))))
        for group in optimizer.param_groups:
            group["lr"] = peak * rate
        loss = torch.nn.functional.cross_entropy(model(pixels(moved)), torch.tensor(labels[rows]))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
    model.eval()
    with torch.no_grad():
        found = torch.cat([model(pixels(images[part])).argmax(1) for part in np.array_split(held, 8)])
    print(f"epoch {epoch + 1}: {100 * (found.numpy() == labels[held]).mean():.2f} % of held-out characters", flush=True)
