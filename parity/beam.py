"""Beam search as the README words it, in a few lines, against every beam run of test/fixtures/t5."""
import json
import os

import torch

from common import FIXTURES, load


def search(model, prompt, num_beams, length_penalty, early_stopping, min_new_tokens=0, repetition_penalty=1.0,
           num_return_sequences=1, limit=12):
    with torch.no_grad():
        encoded = model.encoder(input_ids=torch.tensor([prompt])).last_hidden_state
    running, done = [(0.0, [])], []
    for step in range(1, limit + 1):
        decoder_ids = torch.tensor([[0] + tokens for _, tokens in running])
        with torch.no_grad():
            logits = model(encoder_outputs=(encoded.expand(len(running), -1, -1),), decoder_input_ids=decoder_ids).logits
        log_probs = logits[:, -1].log_softmax(-1)
        for row, (_, tokens) in zip(log_probs, running):
            for token in {0, *tokens}:
                row[token] *= repetition_penalty
            if len(tokens) < min_new_tokens:
                row[1] = float("-inf")
        ranked = sorted(((total + p, tokens + [t]) for row, (total, tokens) in zip(log_probs.tolist(), running)
                         for t, p in enumerate(row)), key=lambda x: -x[0])[: 2 * num_beams]
        closed = [tokens[-1] == 1 or step == limit for _, tokens in ranked]
        done += [(total / step**length_penalty, tokens)
                 for (total, tokens), end in list(zip(ranked, closed))[:num_beams] if end]
        done = sorted(done, key=lambda x: -x[0])[:num_beams]
        running = [x for x, end in zip(ranked, closed) if not end][:num_beams]
        full = len(done) == num_beams
        if not running or full and (early_stopping or running[0][0] / step**length_penalty <= done[-1][0]):
            break
    return done[:num_return_sequences]


if __name__ == "__main__":
    total = wrong = 0
    for name in sorted(os.listdir(os.path.join(FIXTURES, "t5"))):
        folder = os.path.join(FIXTURES, "t5", name)
        with open(os.path.join(folder, "expected.json")) as f:
            expected = json.load(f)
        model = load(folder)
        for run in (r for r in expected["runs"] if "scores" in r):
            got = [x for row in expected["generation"]["inputs"] for x in search(model, row, **run["params"])]
            same = [tokens for _, tokens in got] == run["tokens"]
            same &= max(abs(score - want) for (score, _), want in zip(got, run["scores"])) < 1e-4
            total, wrong = total + 1, wrong + (not same)
    print(f"{total} runs, {wrong} differ")
    raise SystemExit(wrong > 0)
