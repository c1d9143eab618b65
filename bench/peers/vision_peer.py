"""A forward pass or a training step of a model of images with PyTorch, as bench/vision.js measures ours: one JSON line.

    python vision_peer.py SHAPE forward|step '{"config": {...}, "count": 16, "side": 64}' [--threads 2] [--repeats 5]
"""
import argparse
import json

from measure import report, timed

parser = argparse.ArgumentParser()
parser.add_argument("shape")
parser.add_argument("what", choices=["forward", "step"])
parser.add_argument("job")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--repeats", type=int, default=5)
args = parser.parse_args()

import torch

torch.set_num_threads(args.threads)
job = json.loads(args.job)
config, count, side = job["config"], job["count"], job["side"]

if "architecture" in config:
    from timm.models.mlp_mixer import MlpMixer

    model = MlpMixer(num_classes=config["num_classes"], **config["model_args"])
    run = model
else:
    import transformers

    transformers.utils.logging.set_verbosity_error()
    made = getattr(transformers, config["architectures"][0])
    model = made(made.config_class(**{k: v for k, v in config.items() if k not in ("model_type", "architectures")}))
    run = lambda pixels: model(pixels).logits

shape = [count, 3, side, side] if args.shape != "vivit" else [count, config["num_frames"], 3, side, side]
pixels = torch.sin(torch.arange(torch.Size(shape).numel()).float()).reshape(shape)
labels = torch.arange(count) % 10

if args.what == "forward":
    model.eval()
    with torch.inference_mode():
        report(timed(lambda: run(pixels), args.repeats, 2))
else:
    model.train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0)

    def step():
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(run(pixels), labels).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    report(timed(step, args.repeats, 2))
