"""Writes test/fixtures/training: losses, gradients and 20 steps of every optimiser by PyTorch. See README.md."""
import math
import os

import torch
import transformers
from safetensors.torch import save_file
from transformers.optimization import Adafactor

from common import config, fresh_folder, load, normal_weights, pad, save_folder, shift_right, stored_weights, write_json

STEPS = 20
ADAFACTOR = {"eps": [1e-30, 1e-3], "clip_threshold": 1.0, "decay_rate": -0.8, "beta1": None, "weight_decay": 0.0}
ADAMW = {"betas": [0.9, 0.999], "eps": 1e-8}
RELATIVE = {**ADAFACTOR, "lr": None, "scale_parameter": True, "relative_step": True}
FIXED = {**ADAFACTOR, "lr": 1e-3, "scale_parameter": False, "relative_step": False, "warmup_init": False}
# name, optimizer, its arguments, clip (maximal global norm or None), warm-up steps of a linear schedule (or None)
RUNS = [
    ("adamw", "adamw", {**ADAMW, "lr": 3e-3, "weight_decay": 0.0}, None, None),
    ("adamw-decay", "adamw", {**ADAMW, "lr": 3e-3, "weight_decay": 0.01}, None, None),
    ("adamw-schedule", "adamw", {**ADAMW, "lr": 3e-3, "weight_decay": 0.01}, 1.0, 5),
    ("adafactor-relative", "adafactor", {**RELATIVE, "warmup_init": False}, None, None),
    ("adafactor-warmup", "adafactor", {**RELATIVE, "warmup_init": True}, None, None),
    ("adafactor-fixed", "adafactor", FIXED, None, None),
    ("adafactor-beta1", "adafactor", {**FIXED, "beta1": 0.9}, None, None),
    ("adafactor-scaled", "adafactor", {**FIXED, "scale_parameter": True, "weight_decay": 0.01}, None, None),
    ("sgd", "sgd", {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.0}, None, None),
]
OPTIMIZERS = {"adamw": torch.optim.AdamW, "adafactor": Adafactor, "sgd": torch.optim.SGD}
MODELS = {
    "tied-relu": (dict(vocab_size=32, d_model=12, d_ff=16, num_heads=3, d_kv=4), True),
    "untied-gated": (dict(vocab_size=32, d_model=12, d_ff=10, num_heads=2, d_kv=5, feed_forward_proj="gated-gelu"),
                     False),
}


def make_batches(g, vocab, count=4):
    out = []
    for n in range(count):
        lengths = [(9, 4, 7, 2), (5, 8, 3, 6), (10, 10, 2, 4), (3, 6, 6, 9)][n]
        targets = [(4, 2, 6, 1), (3, 5, 1, 2), (1, 2, 3, 4), (5, 1, 1, 7)][n]
        ids, mask = pad([torch.randint(2, vocab, (k,), generator=g).tolist() for k in lengths])
        labels, _ = pad([torch.randint(2, vocab, (k,), generator=g).tolist() + [1] for k in targets], value=-100)
        out.append({"input_ids": ids, "attention_mask": mask, "labels": labels,
                    "decoder_input_ids": shift_right(labels)})
    return out


def loss_of(model, batch, rows=slice(None)):
    t = {k: torch.tensor(v)[rows] for k, v in batch.items() if k != "decoder_input_ids"}
    return model(**t).loss


def named(model, names, what=lambda p: p):
    found = dict(model.named_parameters(remove_duplicate=False))
    return {k: what(found[k]).detach().float().clone().contiguous() for k in names}


def norm_of(model):
    return math.sqrt(sum((p.grad.double() ** 2).sum().item() for p in model.parameters()))


def steps(folder, batches, run, names, dtype=torch.float32):
    _, kind, params, clip, warmup = run
    model = load(folder, torch.float32).to(dtype)
    optimizer = OPTIMIZERS[kind](model.parameters(), **{k: tuple(v) if isinstance(v, list) else v
                                                        for k, v in params.items()})
    losses, norms, rates = [], [], []
    for step in range(STEPS):
        if warmup:  # Linear warm-up from 0, then linear decay to 0 after the last step.
            factor = step / warmup if step < warmup else (STEPS - step) / (STEPS - warmup)
            for group in optimizer.param_groups:
                group["lr"] = params["lr"] * factor
        optimizer.zero_grad()
        loss = loss_of(model, batches[step % len(batches)])
        loss.backward()
        norms.append(norm_of(model))
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        losses.append(loss.item())
    return losses, norms, rates, named(model, names)


def write_model(name, changes, tied, seed):
    folder = fresh_folder("training", name)
    cfg = config(**changes)
    g = torch.Generator().manual_seed(seed)
    save_folder(folder, cfg, normal_weights(cfg, tied, seed, std=0.3), tied)
    batches = make_batches(g, cfg.vocab_size)
    names = list(stored_weights(folder))

    model = load(folder)
    loss = loss_of(model, batches[0])
    loss.backward()
    save_file(named(model, names, lambda p: p.grad), os.path.join(folder, "gradients.safetensors"))
    gradients = {"batch": 0, "loss": loss.item(), "grad_norm": norm_of(model)}

    # Two halves of the batch: their gradients weighted by their share of the target tokens give the whole batch's.
    halves, counts = (slice(0, 2), slice(2, 4)), []
    micro, naive = [], load(folder)
    weighted = load(folder)
    total = sum(t != -100 for row in batches[0]["labels"] for t in row)
    for half in halves:
        count = sum(t != -100 for row in batches[0]["labels"][half] for t in row)
        counts.append(count)
        part = loss_of(weighted, batches[0], half)
        (part * count / total).backward()
        (loss_of(naive, batches[0], half) / 2).backward()
        micro.append(part.item())
    gap = max((a - b).abs().max().item() for a, b in zip(named(model, names, lambda p: p.grad).values(),
                                                         named(weighted, names, lambda p: p.grad).values()))
    assert gap < 1e-6, gap
    accumulation = {"batch": 0, "rows": [[0, 2], [2, 4]], "losses": micro, "target_tokens": counts,
                    "loss": loss.item(), "grad_norm": norm_of(weighted), "grad_norm_if_means_are_averaged": norm_of(naive)}

    runs = []
    for run in RUNS:
        label, kind, params, clip, warmup = run
        losses, norms, rates, final = steps(folder, batches, run, names)
        exact_losses, _, _, exact = steps(folder, batches, run, names, torch.float64)
        save_file(final, os.path.join(folder, f"final-{label}.safetensors"))
        float64 = {"losses": max(abs(a - b) / abs(b) for a, b in zip(losses, exact_losses)),
                   "weights": max((final[k] - exact[k]).abs().max().item() for k in names)}
        print(name, label, f"{losses[0]:.4f} -> {losses[-1]:.4f}", float64)
        runs.append({"name": label, "optimizer": kind, "params": params, "clip": clip, "warmup_steps": warmup,
                     "steps": STEPS, "losses": losses, "grad_norms": norms, "lrs": rates, "float64_gap": float64})
    write_json(os.path.join(folder, "expected.json"), {
        "writer": f"transformers {transformers.__version__}, torch {torch.__version__}",
        "tensors": names, "batches": batches, "gradients": gradients, "accumulation": accumulation, "runs": runs,
    })


if __name__ == "__main__":
    for seed, (name, (changes, tied)) in enumerate(MODELS.items()):
        write_model(name, changes, tied, 7 + seed)
