"""Checks folders spec-a and spec-b, and the reference itself, against numbers published with the weights' formula."""
import os

import torch

from common import FIXTURES, load, pad, stored_weights
from t5 import target_scores

IDS = torch.tensor([[5, 7, 11, 13, 2, 3, 1], [9, 8, 6, 1, 0, 0, 0]])
LABELS = torch.tensor([[4, 6, 1], [12, 1, -100]])
SPEC = {
    "spec-a": dict(count=47, loss=4.393793, enc=[-0.616540, -0.417055, -0.459889, -0.809358],
                   logits=[1.736928, 0.351064, -1.575593, -1.075142, 1.081502],
                   second=[-1.253139, -0.719198, 0.922625], total=219.9272),
    "spec-b": dict(count=52, loss=3.828186, enc=[-0.003687, -0.419725, -1.118057, -1.314955],
                   logits=[0.634087, -1.124668, -1.150938, 0.595744, 1.424718],
                   second=[-0.749639, 0.066029, 0.779983], total=182.4463),
}
worst = 0.0


def same(what, got, expected, tolerance=2e-5):
    global worst
    got, expected = (torch.as_tensor(x, dtype=torch.float64) for x in (got, expected))
    gap = (got - expected).abs().max().item()
    worst = max(worst, gap / tolerance)
    print(f"{'ok  ' if gap <= tolerance else 'DIFF'} {what}: {gap:.1e}")


for name, want in SPEC.items():
    folder = os.path.join(FIXTURES, "t5", name)
    model = load(folder)
    out = model(input_ids=IDS, attention_mask=(IDS != 0).long(), labels=LABELS)
    out.loss.backward()
    enc = out.encoder_last_hidden_state
    same(f"{name} tensors", len(stored_weights(folder)), want["count"])
    same(f"{name} loss", out.loss.item(), want["loss"])
    same(f"{name} encoder[0,0,:4]", enc[0, 0, :4].detach(), want["enc"])
    same(f"{name} logits[0,0,:5]", out.logits[0, 0, :5].detach(), want["logits"])
    same(f"{name} logits[1,1,:3]", out.logits[1, 1, :3].detach(), want["second"])
    same(f"{name} sum of |logits|", out.logits.abs().sum().item(), want["total"], 1e-4)
    norm = torch.sqrt(sum((p.grad ** 2).sum() for p in model.parameters())).item()
    same(f"{name} gradient norm", norm, 2.421585 if name == "spec-a" else 2.144615, 1e-4)
    if name == "spec-a":
        bias = "block.0.layer.0.SelfAttention.relative_attention_bias.weight"
        grads = {k: p.grad for k, p in model.named_parameters()}
        same("spec-a encoder[1,3,:2]", enc[1, 3, :2].detach(), [1.187770, -0.289461])
        same("spec-a d shared[5,:3]", grads["shared.weight"][5, :3], [0.0077702, -0.0018273, -0.0143623])
        same("spec-a norm d shared", grads["shared.weight"].norm(), 0.576630)
        same("spec-a norm d encoder bias", grads[f"encoder.{bias}"].norm(), 0.0074404)
        same("spec-a norm d decoder bias", grads[f"decoder.{bias}"].norm(), 0.0307102)
        long = torch.tensor([[3 + (7 * i % 37) for i in range(150)]])
        out = model(input_ids=long, labels=torch.tensor([[4] * 40]))
        same("spec-a long loss", out.loss.item(), 2.907344)
        same("spec-a long encoder", out.encoder_last_hidden_state[0, 149, :3].detach(), [0.13650, -0.21806, -0.65453])
        same("spec-a long logits", out.logits[0, 39, :3].detach(), [1.57729, -0.21028, -1.67393])
        rows = [[5, 7, 11, 13, 2, 3, 1], [9, 8, 6, 1]]
        for left in (False, True):
            got = target_scores(model, rows, [[4, 6, 1], [12, 1], [8, 9, 10, 1]], left)
            same(f"spec-a scores, padded {'left' if left else 'right'}", got,
                 [[-11.25490, -10.52192, -14.51071], [-11.34970, -10.71406, -14.21303]], 1e-4)
        ids, mask = pad(rows[:1])
        tokens = model.generate(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask), num_beams=3,
                                max_new_tokens=6, do_sample=False)[0, 1:]
        same("spec-a beam of 3", tokens, [14] * 6)
raise SystemExit(worst > 1)
