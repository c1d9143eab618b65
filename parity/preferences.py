"""Losses of preferences with PyTorch, over tiny checkpoints that are there already: test/fixtures/preferences.

    preferences.py

A reward model (bert/regression): -logsigmoid(r(chosen) - r(rejected)), the mean of pairs. Direct preference optimisation
(a llama, a T5): TRL's sigmoid loss, -logsigmoid(beta * ((log p chosen - log p rejected) - the same of the reference)), with
log-probabilities summed over target tokens and the end token among them. Rewards are beta * (log p - reference). The
reference is the same model with its weights times 0.9. Gradients are of all weights, in expected.safetensors.
"""
import os

import torch
import torch.nn.functional as F
from common import FIXTURES, fresh_folder, pad, shift_right, write_json
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoModelForSequenceClassification

BETA = 0.3


def norm(model):
    return float(torch.sqrt(sum((p.grad**2).sum() for p in model.parameters() if p.grad is not None)))


def gradients(model):
    return {name: p.grad.contiguous() for name, p in model.named_parameters() if p.grad is not None}


def draw(g, length, vocabulary):
    return torch.randint(4, vocabulary, (length,), generator=g).tolist()


def reward():
    model = AutoModelForSequenceClassification.from_pretrained(os.path.join(FIXTURES, "bert", "regression")).eval()
    g = torch.Generator().manual_seed(5)
    texts = [draw(g, n, model.config.vocab_size) for n in (7, 4, 9, 6)]
    types = [[int(i > len(row) // 2) for i in range(len(row))] for row in texts]
    # The first text is in two pairs.
    pairs = [[0, 1], [2, 0], [3, 1]]
    ids, mask = pad(texts)
    rewards = model(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask),
                    token_type_ids=torch.tensor(pad(types)[0])).logits[:, 0]
    chosen, rejected = torch.tensor(pairs).T
    loss = -F.logsigmoid(rewards[chosen] - rewards[rejected]).mean()
    loss.backward()
    folder = fresh_folder("preferences", "reward")
    save_file(gradients(model), os.path.join(folder, "expected.safetensors"))
    write_json(os.path.join(folder, "expected.json"), {
        "model": "bert/regression", "texts": texts, "types": types, "pairs": pairs, "rewards": rewards.tolist(),
        "loss": loss.item(), "norm": norm(model)})


def logprobs(model, rows):
    """Of each row's target given its input, summed."""
    targets = [row["target"] for row in rows]
    if model.config.is_encoder_decoder:
        ids, mask = pad([row["input"] for row in rows])
        labels = torch.tensor(pad(targets, value=-100)[0])
        start, end = model.config.decoder_start_token_id, model.config.pad_token_id
        shifted = torch.tensor(shift_right(labels.tolist(), start, end))
        logits = model(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask), decoder_input_ids=shifted).logits
    else:
        ids, mask = pad([row["input"] + row["target"] for row in rows])
        labels = torch.tensor(pad([[-100] * len(row["input"]) + row["target"] for row in rows], value=-100)[0])[:, 1:]
        logits = model(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask)).logits[:, :-1]
    there = labels != -100
    each = logits.log_softmax(-1).gather(-1, labels.clamp(min=0)[..., None]).squeeze(-1)
    return (each * there).sum(-1)


def preference(name, checkpoint, make, seed):
    model = make.from_pretrained(os.path.join(FIXTURES, checkpoint)).eval()
    reference = make.from_pretrained(os.path.join(FIXTURES, checkpoint)).eval()
    with torch.no_grad():
        for p in reference.parameters():
            p.mul_(0.9)
    g = torch.Generator().manual_seed(seed)
    words = model.config.vocab_size
    pairs = [{"input": draw(g, n, words), "chosen": draw(g, a, words) + [1], "rejected": draw(g, b, words) + [1]}
             for n, a, b in ((5, 3, 6), (8, 4, 2), (3, 5, 5))]
    side = lambda which: [{"input": p["input"], "target": p[which]} for p in pairs]  # noqa: E731
    chosen, rejected = logprobs(model, side("chosen")), logprobs(model, side("rejected"))
    with torch.no_grad():
        ref_chosen, ref_rejected = logprobs(reference, side("chosen")), logprobs(reference, side("rejected"))
    loss = -F.logsigmoid(BETA * ((chosen - rejected) - (ref_chosen - ref_rejected))).mean()
    loss.backward()
    folder = fresh_folder("preferences", name)
    save_file(gradients(model), os.path.join(folder, "expected.safetensors"))
    write_json(os.path.join(folder, "expected.json"), {
        "model": checkpoint, "beta": BETA, "pairs": pairs, "chosen": chosen.tolist(), "rejected": rejected.tolist(),
        "refChosen": ref_chosen.tolist(), "refRejected": ref_rejected.tolist(),
        "rewardsChosen": (BETA * (chosen - ref_chosen)).tolist(),
        "rewardsRejected": (BETA * (rejected - ref_rejected)).tolist(), "loss": loss.item(), "norm": norm(model)})


if __name__ == "__main__":
    reward()
    preference("decoder", os.path.join("llama", "grouped"), AutoModelForCausalLM, 7)
    preference("encoder-decoder", os.path.join("t5", "gated-silu"), AutoModelForSeq2SeqLM, 9)
