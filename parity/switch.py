"""Writes test/fixtures/switch: tiny Switch Transformers and what transformers 5.18 computes with them. See README.md."""
import os

import torch
import transformers
from safetensors.torch import save_file
from transformers import SwitchTransformersConfig, SwitchTransformersForConditionalGeneration

import json

from common import fresh_folder, pad, shift_right, stored_weights, write_json

assert transformers.__version__ == "5.18.0", "5.0 to 5.17 ignore the capacity and fail where routers' losses are asked for"
BASE = dict(vocab_size=40, d_model=12, d_kv=4, d_ff=16, num_layers=2, num_decoder_layers=2, num_heads=3,
            num_experts=4, expert_capacity=2, num_sparse_encoder_layers=1, num_sparse_decoder_layers=1,
            router_jitter_noise=0.0, router_z_loss_coef=0.01, router_aux_loss_coef=0.05, dropout_rate=0.0,
            decoder_start_token_id=0, eos_token_id=1, pad_token_id=0)
CASES = {
    # Blocks 1 of 2 are sparse; the only one with training.
    "half": dict(),
    # Every block is sparse and the routers have biases. The reference's loss is then the cross-entropy alone.
    "every": dict(num_sparse_encoder_layers=2, num_sparse_decoder_layers=2, num_experts=3, router_bias=True,
                  expert_capacity=3),
    # Blocks 1 and 3 of 4, and 1 of 3; one expert more than most rows have use for.
    "uneven": dict(num_layers=4, num_decoder_layers=3, num_sparse_encoder_layers=2, num_experts=5, expert_capacity=1,
                   d_kv=5, num_heads=2, d_ff=10),
}
MAX_NEW = 10
STEPS = 8
LR = 3e-3


def make_weights(cfg, seed):
    g = torch.Generator().manual_seed(seed)
    out = {}
    for name, value in sorted(SwitchTransformersForConditionalGeneration(cfg).state_dict().items()):
        if "embed_tokens" in name or name == "lm_head.weight":
            continue
        noise = torch.randn(value.shape, generator=g)
        if name.endswith("layer_norm.weight"):
            out[name] = 1 + 0.2 * noise
        elif name == "shared.weight" or "router" in name:
            out[name] = noise
        else:
            out[name] = 0.35 * noise
    return out


def save(folder, cfg, weights):
    values = cfg.to_dict()
    for key in ("dtype", "transformers_version"):
        values.pop(key, None)
    values.pop("tie_word_embeddings", None)  # as in google/switch-base-8
    values["architectures"] = ["SwitchTransformersForConditionalGeneration"]
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(values, f, indent=1, sort_keys=True)
        f.write("\n")
    save_file({k: v.contiguous() for k, v in weights.items()}, os.path.join(folder, "model.safetensors"), {"format": "pt"})


def load(folder, dtype=torch.float32):
    model = SwitchTransformersForConditionalGeneration.from_pretrained(folder).eval()
    if dtype != torch.float32:
        model = model.to(dtype)
        for router in routers(model):
            router.dtype = dtype
    return model


def routers(model, stack=None):
    return [m for n, m in model.named_modules() if n.endswith("router") and (stack is None or n.startswith(stack))]


def watch(model):
    """Kept and all tokens of every router, and how near its choices came to a tie."""
    seen = {"kept": 0, "tokens": 0, "gap": 1.0, "idle": 0}

    def hook(_, __, out):
        kept, _, logits = out
        top = torch.softmax(logits, -1).topk(2).values
        seen["kept"] += int(kept.sum())
        seen["tokens"] += kept.shape[0] * kept.shape[1]
        seen["gap"] = min(seen["gap"], float((top[..., 0] - top[..., 1]).min()))
        seen["idle"] += int((kept.sum((0, 1)) == 0).sum())

    for router in routers(model):
        router.register_forward_hook(hook)
    return seen


def forward(model, batch):
    t = {k: torch.tensor(batch[k]) for k in ("input_ids", "attention_mask", "labels")}
    return model(**t, output_router_logits=True)


def greedy(model, ids):
    """One token at a time: every router of the decoder sees one token, so none is dropped there."""
    limits = [(r, r.expert_capacity) for r in routers(model, "decoder")]
    for router, _ in limits:
        router.expert_capacity = 10 ** 6
    tokens, gap = [0], 1e9
    for _ in range(MAX_NEW):
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([ids]), decoder_input_ids=torch.tensor([tokens])).logits[0, -1]
        top = logits.topk(2)
        gap = min(gap, float(top.values[0] - top.values[1]))
        tokens.append(int(top.indices[0]))
        if tokens[-1] == 1:
            break
    for router, limit in limits:
        router.expert_capacity = limit
    return tokens[1:], gap


def make_batch(g, vocab, lengths, targets):
    ids, mask = pad([torch.randint(2, vocab, (k,), generator=g).tolist() for k in lengths])
    labels, _ = pad([torch.randint(2, vocab, (k,), generator=g).tolist() + [1] for k in targets], value=-100)
    return {"input_ids": ids, "attention_mask": mask, "labels": labels, "decoder_input_ids": shift_right(labels)}


def named(model, names, what):
    found = dict(model.named_parameters())
    return {k: what(found[k]).detach().float().clone().contiguous() for k in names}


def zeros_where_none(p):
    return p.grad if p.grad is not None else torch.zeros_like(p)


def steps(folder, batches, names, dtype=torch.float32):
    model = load(folder, dtype)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    losses = []
    for step in range(STEPS):
        optimizer.zero_grad(set_to_none=False)
        for p in model.parameters():  # An expert without tokens has a gradient of zeros, as every program that computes all.
            p.grad = torch.zeros_like(p)
        loss = forward(model, batches[step % len(batches)]).loss
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, named(model, names, lambda p: p)


def write_case(name, changes, seed):
    folder = fresh_folder("switch", name)
    cfg = SwitchTransformersConfig(**{**BASE, **changes})
    save(folder, cfg, make_weights(cfg, seed))
    names = list(stored_weights(folder))
    g = torch.Generator().manual_seed(seed + 100)
    batches = [make_batch(g, cfg.vocab_size, (11, 4, 7), (6, 3, 8)), make_batch(g, cfg.vocab_size, (5, 9, 3), (2, 5, 4))]

    model = load(folder)
    seen = watch(model)
    out = forward(model, batches[0])
    assert seen["kept"] < seen["tokens"] and seen["gap"] > 1e-3, seen
    tensors = {"encoder": out.encoder_last_hidden_state, "logits": out.logits}
    save_file({k: v.detach().contiguous() for k, v in tensors.items()}, os.path.join(folder, "expected.safetensors"))
    part = lambda x: x if isinstance(x, (int, float)) else x.item()
    expected = {"writer": f"transformers {transformers.__version__}, torch {torch.__version__}", "tensors": names,
                "batch": batches[0],
                "loss": {"loss": out.loss.item(), "z": [part(out.encoder_z_loss), part(out.decoder_z_loss)],
                         "balance": [part(out.encoder_aux_loss), part(out.decoder_aux_loss)]},
                "dropped": seen["tokens"] - seen["kept"], "idle": seen["idle"]}

    inputs = [[i for i, on in zip(row, mask) if on] for b in batches for row, mask in zip(b["input_ids"], b["attention_mask"])]
    found = [greedy(model, ids) for ids in inputs]
    assert min(gap for _, gap in found) > 1e-3
    for ids, (tokens, _) in zip(inputs, found):
        made = model.generate(torch.tensor([ids]), max_new_tokens=MAX_NEW, do_sample=False)[0].tolist()[1:]
        assert made == tokens, (made, tokens)
    expected["generation"] = {"inputs": inputs, "max_new_tokens": MAX_NEW, "greedy": [tokens for tokens, _ in found]}

    if name == "half":
        out.loss.backward()
        save_file(named(model, names, zeros_where_none), os.path.join(folder, "gradients.safetensors"))
        losses, final = steps(folder, batches, names)
        exact_losses, exact = steps(folder, batches, names, torch.float64)
        gap = {"losses": max(abs(a - b) / abs(b) for a, b in zip(losses, exact_losses)),
               "weights": max((final[k] - exact[k]).abs().max().item() for k in names)}
        assert max(gap.values()) < 5e-5, gap
        save_file(final, os.path.join(folder, "final.safetensors"))
        expected["training"] = {"batches": batches, "lr": LR, "weight_decay": 0.01, "steps": STEPS, "losses": losses,
                                "float64_gap": gap}
    print(name, seen, expected["loss"], [len(t) for t, _ in found], expected.get("training", {}).get("float64_gap"))
    write_json(os.path.join(folder, "expected.json"), expected)


if __name__ == "__main__":
    for seed, (name, changes) in enumerate(CASES.items()):
        write_case(name, changes, 40 + seed)
