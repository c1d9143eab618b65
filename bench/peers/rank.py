"""Rank classification as T0's evaluation does it in PyTorch, beside bench/rank.js: one JSON line.

    python rank.py FOLDER ROWS.jsonl [--threads 2] [--batch 8]

As in its code, the rows of a batch go through the whole model once for each of their choices, encoder included; inputs
have no end token and are padded on the left. Rows are taken in their order, as there, or with --sort by length.
"""
import argparse
import json
import time

import torch
from transformers import PreTrainedTokenizerFast, T5ForConditionalGeneration

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("rows")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--batch", type=int, default=8)
parser.add_argument("--sort", action="store_true")
args = parser.parse_args()
torch.set_num_threads(args.threads)
model = T5ForConditionalGeneration.from_pretrained(args.folder, dtype=torch.float32).eval()
tokenizer = PreTrainedTokenizerFast(tokenizer_file=f"{args.folder}/tokenizer.json", pad_token="<pad>", eos_token="</s>")
with open(args.rows, encoding="utf-8") as f:
    rows = [json.loads(line) for line in f if line.strip()]


def padded(lists, left):
    width = max(map(len, lists))
    fill = [[0] * (width - len(ids)) for ids in lists]
    joined = [f + ids if left else ids + f for f, ids in zip(fill, lists)]
    mask = [[0] * len(f) + [1] * len(ids) if left else [1] * len(ids) + [0] * len(f) for f, ids in zip(fill, lists)]
    return torch.tensor(joined), torch.tensor(mask)


def score(batch):
    pairs = [(row["prompt"], choice) for row in batch for choice in row["choices"]]
    prompts = [tokenizer(prompt, add_special_tokens=False)["input_ids"][:1024] for prompt, _ in pairs]
    targets = [tokenizer(choice, add_special_tokens=False)["input_ids"] + [1] for _, choice in pairs]
    ids, mask = padded(prompts, True)
    labels, label_mask = padded(targets, False)
    tokens = torch.cat([torch.zeros_like(labels[:, :1]), labels[:, :-1]], 1)
    logits = model(input_ids=ids, attention_mask=mask, decoder_input_ids=tokens).logits
    chosen = logits.log_softmax(-1).gather(-1, labels[..., None]).squeeze(-1)
    return (chosen * label_mask).sum(-1).tolist()


if args.sort:
    rows.sort(key=lambda row: len(row["prompt"]))
with torch.no_grad():
    score(rows[: args.batch])
    start = time.perf_counter()
    scores = [s for at in range(0, len(rows), args.batch) for s in score(rows[at : at + args.batch])]
    seconds = time.perf_counter() - start
print(json.dumps({"program": "pytorch", "threads": args.threads, "batch": args.batch, "sorted": args.sort, "examples": len(rows),
                  "seconds": seconds, "examples_per_second": len(rows) / seconds, "sum": sum(scores)}))
