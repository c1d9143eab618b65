"""What gpt2.py, llama.py, bert.py, vit.py and clip.py share: tiny random models saved by transformers, generation, 20 training steps."""
import json
import math
import os

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import GenerationConfig
from transformers.optimization import Adafactor

from common import pad, write_json

WRITER = f"transformers {transformers.__version__}, torch {torch.__version__}"
STEPS = 20
OPTIMIZERS = {
    # Attention does not depend on the biases of keys: what rounding leaves of their gradients must stay below eps.
    "adamw": (torch.optim.AdamW, {"betas": [0.9, 0.999], "eps": 1e-4, "lr": 3e-3, "weight_decay": 0.01}),
    "adafactor": (Adafactor, {"eps": [1e-30, 1e-3], "clip_threshold": 1.0, "decay_rate": -0.8, "beta1": None,
                              "weight_decay": 0.0, "lr": 1e-3, "scale_parameter": False, "relative_step": False,
                              "warmup_init": False}),
    "sgd": (torch.optim.SGD, {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.0}),
}
NEW = 12
RUNS = [
    ("greedy", {}),
    ("greedy-min", {"min_new_tokens": 8}),
    ("greedy-repetition", {"repetition_penalty": 1.3}),
    ("beam", {"num_beams": 4, "num_return_sequences": 4}),
    ("beam-short-early", {"num_beams": 4, "length_penalty": 0.6, "early_stopping": True}),
    ("beam-long", {"num_beams": 4, "length_penalty": 2.0}),
    ("beam-min", {"num_beams": 4, "min_new_tokens": 8}),
    ("beam-repetition", {"num_beams": 4, "repetition_penalty": 1.3}),
]


def randomise(model, seed, std=0.35, words=1.0):
    """Weights that make the model sure of itself, norms near 1, biases that count."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            noise = torch.randn(p.shape, generator=g)
            if "norm" in name.lower() or "ln_" in name:
                p.copy_((0 if name.endswith("bias") else 1) + 0.2 * noise)
            elif name.endswith("bias"):
                p.copy_(0.2 * noise)
            elif "embed" in name or "wte" in name or "wpe" in name:
                p.copy_(words * noise)
            else:
                p.copy_(std * noise)
    return model.eval()


def random_rows(g, lengths, vocab, low=2):
    return [torch.randint(low, vocab, (n,), generator=g).tolist() for n in lengths]


def save(model, folder):
    """As transformers writes it; the generation settings are left to the scripts that are about them."""
    model.save_pretrained(folder)
    beside = os.path.join(folder, "generation_config.json")
    if os.path.exists(beside):
        os.remove(beside)


def edit_json(path, change):
    with open(path) as f:
        values = json.load(f)
    change(values)
    with open(path, "w") as f:
        json.dump(values, f, indent=2, sort_keys=True)
        f.write("\n")


def row_logits(fresh, rows):
    """Logits of every place of every row, each row alone: [places, vocabulary]."""
    with torch.no_grad():
        return torch.cat([fresh()(input_ids=torch.tensor([row])).logits[0] for row in rows])


def cut(tokens, ends):
    for i, t in enumerate(tokens):
        if t in ends:
            return tokens[: i + 1]
    return tokens


def generate(model, rows, params, ends, pad_id=0, new=NEW, settings=None):
    ids, mask = pad(rows, value=pad_id, left=True)
    settings = settings or GenerationConfig(max_new_tokens=new, do_sample=False, eos_token_id=ends or None,
                                            pad_token_id=pad_id, return_dict_in_generate=True, output_scores=True,
                                            **params)
    with torch.no_grad():
        out = model.generate(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask), generation_config=settings)
    tokens = [cut(row[len(ids[0]):], ends) for row in out.sequences.tolist()]
    beams = settings.num_beams or 1
    return tokens, out.sequences_scores.tolist() if beams > 1 else None


def all_runs(fresh, double, rows, ends, joined=True):
    """Every run, each row alone; none if float64, or the rows together, say otherwise."""
    runs = []
    for name, params in RUNS:
        one = [generate(fresh(), [row], params, ends) for row in rows]
        tokens = [t for ts, _ in one for t in ts]
        if [t for row in rows for t in generate(double(), [row], params, ends)[0]] != tokens:
            return None
        # The reference counts padding among what is repeated.
        if joined and "repetition_penalty" not in params and generate(fresh(), rows, params, ends)[0] != tokens:
            return None
        run = {"name": name, "params": params, "tokens": tokens}
        if one[0][1]:
            run["scores"] = [s for _, ss in one for s in ss]
        runs.append(run)
    return runs


def find_ends(fresh, rows, count, least=3):
    """Tokens that some answers reach and others do not: they become the end tokens."""
    tokens = [generate(fresh(), [row], {}, [])[0][0] for row in rows]
    if min(len(set(row)) for row in tokens) < 6:
        return None
    first = {t: [row.index(t) if t in row else 99 for row in tokens] for row in tokens for t in row if t > 1}
    fine = [t for t, at in first.items() if min(at) >= least and 99 in at]
    for t in fine:
        if count == 1:
            return [t]
        for u in fine:
            both = [min(a, b) for a, b in zip(first[t], first[u])]
            if u != t and 99 in both and sum(b < 9 for b in both) >= 2:
                return [t, u]
    return None


def continuations(fresh, prompts, choices):
    """Sum of log-probabilities of every choice after every prompt, the last token of a choice not fed."""
    sums = []
    for prompt in prompts:
        sums.append([])
        for choice in choices:
            with torch.no_grad():
                logits = fresh()(input_ids=torch.tensor([(prompt + choice)[:-1]])).logits[0, len(prompt) - 1:]
            sums[-1].append(logits.log_softmax(-1).gather(-1, torch.tensor(choice)[:, None]).sum().item())
    return sums


def decoder_case(fresh, double, g, vocab, lengths=(9, 4, 14), ends=1, joined=True):
    """(expected.json's entries, logits), or None for an unlucky seed."""
    rows = random_rows(g, lengths, vocab)
    found = find_ends(fresh, rows, ends)
    runs = found and all_runs(fresh, double, rows, found, joined)
    if not runs:
        return None
    choices = random_rows(g, (3, 1, 5, 2), vocab)
    return ({"rows": rows, "max_new_tokens": NEW, "ends": found,
             "continuations": {"choices": choices, "scores": continuations(fresh, rows, choices)}, "runs": runs},
            row_logits(fresh, rows))


def lm_batches(g, vocab, count=4):
    """Rows of which the first two have an input that is not learnt, the others none."""
    batches = []
    for n in range(count):
        inputs = random_rows(g, [(5, 2), (3, 6), (1, 4), (7, 2)][n], vocab, 0) + [[], []]
        targets = random_rows(g, [(3, 6, 8, 4), (1, 2, 5, 9), (4, 4, 2, 7), (2, 5, 6, 3)][n], vocab, 0)
        batches.append([{"input": i, "target": t} for i, t in zip(inputs, targets)])
    return batches


def lm_feeds(batch):
    ids, mask = pad([row["input"] + row["target"] for row in batch])
    labels, _ = pad([[-100] * len(row["input"]) + row["target"] for row in batch], value=-100)
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def tensors(feeds):
    return {k: torch.tensor(v) for k, v in feeds.items()}


def named(model, names, what=lambda p: p, memory=lambda name: name):
    found = dict(model.named_parameters(remove_duplicate=False))
    return {k: what(found[memory(k)]).detach().float().clone().contiguous() for k in names}


def norm_of(model):
    return math.sqrt(sum((p.grad.double() ** 2).sum().item() for p in model.parameters() if p.grad is not None))


def train(load, folder, batches, feeds, optimizer, keep=True, memory=lambda name: name):
    """
    Loss and gradients of the first batch, and 20 steps: training.json, gradients and, to keep, final.safetensors.
    memory: what a tensor of the file is called in a model that is open.
    """
    there = set(dict(load().named_parameters(remove_duplicate=False)))
    names = sorted(k for k in load_file(os.path.join(folder, "model.safetensors")) if memory(k) in there)

    def steps(dtype):
        model = load().to(dtype).eval()
        make, params = OPTIMIZERS[optimizer]
        run = make(model.parameters(), **{k: tuple(v) if isinstance(v, list) else v for k, v in params.items()})
        losses, norms, gradients = [], [], None
        for step in range(STEPS):
            run.zero_grad()
            given = tensors(feeds(batches[step % len(batches)]))
            loss = model(**{k: v.to(dtype) if v.is_floating_point() else v for k, v in given.items()}).loss
            loss.backward()
            norms.append(norm_of(model))
            if step == 0:
                gradients = named(model, names, lambda p: torch.zeros_like(p) if p.grad is None else p.grad, memory)
            run.step()
            losses.append(loss.item())
        return losses, norms, gradients, named(model, names, memory=memory)

    losses, norms, gradients, final = steps(torch.float32)
    exact = steps(torch.float64)
    gap = {"losses": max(abs(a - b) / abs(b) for a, b in zip(losses, exact[0])),
           "weights": max((final[k] - exact[3][k]).abs().max().item() for k in names)}
    print(" ", os.path.basename(folder), optimizer, f"{losses[0]:.4f} -> {losses[-1]:.4f}", gap)
    save_file(gradients, os.path.join(folder, "gradients.safetensors"))
    if keep:
        save_file(final, os.path.join(folder, "final.safetensors"))
    write_json(os.path.join(folder, "training.json"), {
        "optimizer": optimizer, "params": OPTIMIZERS[optimizer][1], "steps": STEPS, "losses": losses,
        "grad_norms": norms, "float64_gap": gap, "batches": [{"rows": batch} for batch in batches]})


def images(g, count, size, channels=3):
    """Normal pixels with three digits, channels first."""
    pixels = torch.randn((count, channels, size, size), generator=g)
    return [[[[round(v, 3) for v in line] for line in plane] for plane in image] for image in pixels.tolist()]
