"""Writes test/fixtures/t5: tiny T5 checkpoints and what transformers computes with them. See README.md."""
import os
import sys

import torch
import transformers
from safetensors.torch import save_file
from transformers import GenerationConfig

from common import (config, fresh_folder, load, names_and_shapes, normal_weights, pad, save_folder, shift_right,
                    sine_weights, write_json)

PENALTIES = (1.0, 0.6, 2.0)
GENERATIONS = [
    ("greedy", {}),
    ("greedy-min", {"min_new_tokens": 8}),
    ("greedy-never-eos", {"min_new_tokens": 12}),
    ("greedy-repetition", {"repetition_penalty": 1.3}),
    *[(f"beam-length{p}-{'early' if e else 'full'}", {"num_beams": 3, "length_penalty": p, "early_stopping": e})
      for p in PENALTIES for e in (False, True)],
    ("beam-all", {"num_beams": 3, "length_penalty": 1.0, "early_stopping": False, "num_return_sequences": 3}),
    ("beam-min", {"num_beams": 3, "length_penalty": 1.0, "early_stopping": False, "min_new_tokens": 8}),
    ("beam-repetition",
     {"num_beams": 3, "length_penalty": 1.0, "early_stopping": False, "repetition_penalty": 1.3}),
]

# name: (config, options of save_folder). relu and tied unless said otherwise; transformers 4's config unless said.
CASES = {
    "tied-relu": (dict(), dict()),
    "tied-relu-v5": (dict(d_kv=6, num_heads=2), dict(written_by=5)),
    "untied-gated-gelu": (dict(feed_forward_proj="gated-gelu"), dict(tied=False)),
    "untied-gated-gelu-v5": (dict(feed_forward_proj="gated-gelu", d_ff=20), dict(tied=False, written_by=5)),
    "gated-silu": (dict(feed_forward_proj="gated-silu", vocab_size=53), dict(tied=False)),
    "tied-gated-gelu": (dict(feed_forward_proj="gated-gelu"), dict()),
    "narrow-heads": (dict(d_model=20, num_heads=3, d_kv=5, vocab_size=57), dict()),
    "wide-heads": (dict(d_model=12, num_heads=3, d_kv=8, feed_forward_proj="gated-gelu"), dict(tied=False)),
    "deep-encoder": (dict(num_layers=3, num_decoder_layers=1), dict()),
    "deep-decoder": (dict(num_layers=1, num_decoder_layers=3, feed_forward_proj="gated-gelu"), dict(tied=False)),
    "buckets-8-20": (dict(relative_attention_num_buckets=8, relative_attention_max_distance=20), dict()),
    "buckets-16-64": (dict(relative_attention_num_buckets=16, relative_attention_max_distance=64,
                           feed_forward_proj="gated-gelu"), dict(tied=False)),
    "bf16": (dict(feed_forward_proj="gated-gelu"), dict(tied=False, dtype=torch.bfloat16)),
    "fp16": (dict(), dict(dtype=torch.float16)),
    "sharded": (dict(feed_forward_proj="gated-gelu"), dict(tied=False, shard_bytes=9000)),
    "spec-a": (dict(vocab_size=40, d_model=8, d_kv=4, d_ff=12, num_heads=3), dict(sine=True)),
    "spec-b": (dict(vocab_size=40, d_model=8, d_kv=4, d_ff=12, num_heads=3, feed_forward_proj="gated-gelu"),
               dict(tied=False, sine=True)),
}


def random_rows(g, lengths, vocab):
    return [torch.randint(2, vocab, (n,), generator=g).tolist() for n in lengths]


def generate(model, rows, params):
    ids, mask = pad(rows)
    # transformers 5.17 sizes the decoder's cache by num_layers, so a deeper decoder has to do without.
    cached = model.config.num_decoder_layers <= model.config.num_layers
    settings = GenerationConfig(use_cache=cached, max_new_tokens=12, do_sample=False, eos_token_id=1, pad_token_id=0,
                                decoder_start_token_id=0, return_dict_in_generate=True, output_scores=True, **params)
    with torch.no_grad():
        out = model.generate(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask),
                             generation_config=settings)
    tokens = []
    for row in out.sequences.tolist():
        new = row[1:]
        tokens.append(new[: new.index(1) + 1] if 1 in new else new)
    scores = out.sequences_scores.tolist() if params.get("num_beams", 1) > 1 else None
    return tokens, scores


def target_scores(model, rows, targets, left=False):
    """Sum of log-probabilities of every target (ending in EOS) after every input."""
    ids, mask = (torch.tensor(x) for x in pad(rows, left=left))
    out = []
    for target in targets:
        labels = torch.tensor([target] * len(rows))
        with torch.no_grad():
            logits = model(input_ids=ids, attention_mask=mask, labels=labels).logits
        out.append(logits.log_softmax(-1).gather(-1, labels[..., None])[..., 0].sum(-1).tolist())
    return [list(row) for row in zip(*out)]


def forward(model, ids, mask, labels):
    with torch.no_grad():
        encoder = model.encoder(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask)).last_hidden_state
        out = model(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask), labels=torch.tensor(labels))
        decoder_ids = shift_right(labels)
        again = model(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask),
                      decoder_input_ids=torch.tensor(decoder_ids))
    assert torch.equal(out.logits, again.logits)
    return encoder, out.logits, out.loss.item(), decoder_ids


def swap(value, a, b):
    return [swap(x, a, b) for x in value] if isinstance(value, list) else {a: b, b: a}.get(value, value)


def with_eos(weights, rows, model):
    """Renames a token that greedy decoding soon reaches for some inputs, not for others, to EOS (id 1)."""
    tokens, _ = generate(model, rows, {"min_new_tokens": 12})
    for step in range(2, 9):
        for row in tokens:
            t = row[step]
            first = [r.index(t) if t in r else 99 for r in tokens]
            if t > 1 and min(first) >= 2 and sum(f < 9 for f in first) in (1, 2) and 99 in first:
                order = swap(list(range(weights["shared.weight"].shape[0])), 1, t)
                for name in ("shared.weight", "lm_head.weight"):
                    if name in weights:
                        weights[name] = weights[name][order]
                return swap(rows, 1, t)
    return None


def attempt(folder, name, seed):
    changes, options = CASES[name]
    options = {"tied": True, **options}
    sine = options.pop("sine", False)
    cfg = config(**changes)
    vocab = cfg.vocab_size
    g = torch.Generator().manual_seed(1000 + seed)
    if sine:
        weights, rows = sine_weights(cfg, options["tied"]), [[5, 7, 11, 13, 2, 3, 1], [9, 8, 6, 1], [4, 30, 21, 9, 1]]
        ids, mask = pad(rows[:2])
        labels = [[4, 6, 1], [12, 1, -100]]
        long_ids, long_labels = [3 + (7 * i % 37) for i in range(150)], [4] * 40
        targets = [[4, 6, 1], [12, 1], [8, 9, 10, 1]]
        scored = rows[:2]
        save_folder(folder, cfg, weights, **options)
    else:
        weights, rows = normal_weights(cfg, options["tied"], seed), random_rows(g, (9, 4, 14), vocab)
        save_folder(folder, cfg, weights, **options)
        rows = with_eos(weights, rows, load(folder))
        if rows is None:
            return None
        save_folder(folder, cfg, weights, **options)
        ids, mask = pad(random_rows(g, (11, 5, 8), vocab))
        labels, label_mask = pad([r + [1] for r in random_rows(g, (6, 3, 1), vocab)], value=-100)
        long_ids = random_rows(g, (150,), vocab)[0]
        long_labels = random_rows(g, (140,), vocab)[0]
        targets = [r + [1] for r in random_rows(g, (3, 1, 5, 2), vocab)]
        scored = rows

    model, double = load(folder), load(folder).double()
    runs = []
    for label, params in GENERATIONS:
        tokens, scores = generate(model, rows, params)
        exact, _ = generate(double, rows, params)
        single = [generate(model, [row], params) for row in rows]
        alone = [t for ts, _ in single for t in ts]
        if tokens != exact or tokens != alone:
            if sine:
                print(f"  {name}/{label}: a near tie, left out")
                continue
            return None
        if scores:
            flat = [s for _, ss in single for s in ss]
            assert max(abs(a - b) for a, b in zip(scores, flat)) < 1e-4
        runs.append({"name": label, "params": params, "tokens": tokens, **({"scores": scores} if scores else {})})
    ends = {r["name"]: [t[-1] == 1 for t in r["tokens"]] for r in runs}
    if not sine:
        if not (any(ends["greedy"]) and not all(ends["greedy"])):
            return None
        beam = [any(v) and not all(v) for k, v in ends.items() if k.startswith("beam-length")]
        if not any(beam):
            return None

    encoder, logits, loss, decoder_ids = forward(model, ids, mask, labels)
    long_encoder, long_logits, long_loss, long_decoder_ids = forward(model, [long_ids], [[1] * 150], [long_labels])
    scores = target_scores(model, scored, targets)
    left = target_scores(model, scored, targets, left=True)
    assert torch.allclose(torch.tensor(scores), torch.tensor(left), atol=1e-4)
    save_file({"batch.encoder": encoder, "batch.logits": logits, "long.encoder": long_encoder,
               "long.logits": long_logits}, os.path.join(folder, "expected.safetensors"))
    write_json(os.path.join(folder, "expected.json"), {
        "writer": f"transformers {transformers.__version__}, torch {torch.__version__}",
        "tensors": list(names_and_shapes(cfg, options["tied"])),
        "batch": {"input_ids": ids, "attention_mask": mask, "labels": labels, "decoder_input_ids": decoder_ids,
                  "loss": loss},
        "long": {"input_ids": [long_ids], "attention_mask": [[1] * 150], "labels": [long_labels],
                 "decoder_input_ids": long_decoder_ids, "loss": long_loss},
        "scoring": {"inputs": scored, "targets": targets, "scores": scores},
        "generation": {"inputs": rows, "max_new_tokens": 12},
        "runs": runs,
    })
    return ends


def main():
    for name in sys.argv[1:] or CASES:
        for seed in range(400):
            folder = fresh_folder("t5", name)
            ends = attempt(folder, name, seed)
            if ends is not None:
                print(name, "seed", seed, {k: "".join("e" if x else "." for x in v) for k, v in ends.items()})
                break
        else:
            raise SystemExit(f"{name}: no seed gives sequences that end early and ones that do not")


if __name__ == "__main__":
    main()
