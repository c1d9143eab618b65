"""Writes test/fixtures/bert: tiny BERT checkpoints, a head each, and what transformers computes. See README.md."""
import os
import sys

import torch
from safetensors.torch import load_file, save_file
from transformers import (BertConfig, BertForMaskedLM, BertForMultipleChoice, BertForPreTraining,
                          BertForQuestionAnswering, BertForSequenceClassification, BertForTokenClassification,
                          BertModel)

from common import fresh_folder, pad, write_json
from tiny import WRITER, edit_json, random_rows, randomise, save, train

VOCAB = 48
LENGTHS = [(7, 4, 10, 3), (5, 9, 2, 8), (6, 6, 11, 4), (3, 8, 5, 7)]
NAMES = {0: "no", 1: "perhaps", 2: "yes"}
# class, what its config says, head in expected.json
CASES = {
    "masked": (BertForMaskedLM, dict(), "masked"),
    "pretraining-old": (BertForPreTraining, dict(hidden_act="relu"), "masked"),
    "single": (BertForSequenceClassification, dict(id2label=NAMES, label2id={v: k for k, v in NAMES.items()}),
               "sequence"),
    "multi": (BertForSequenceClassification, dict(num_labels=4, problem_type="multi_label_classification"), "sequence"),
    "regression": (BertForSequenceClassification, dict(num_labels=1, problem_type="regression"), "sequence"),
    "tokens": (BertForTokenClassification, dict(num_labels=5), "tokens"),
    "span": (BertForQuestionAnswering, dict(), "span"),
    "choice": (BertForMultipleChoice, dict(), "choice"),
    "bare": (BertModel, dict(type_vocab_size=3, hidden_act="gelu_new", layer_norm_eps=1e-5), None),
}


def config(**changes):
    base = dict(vocab_size=VOCAB, hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=20,
                max_position_embeddings=24, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
                classifier_dropout=0.0)
    return BertConfig(**{**base, **changes})


def types_of(row, kinds=2):
    """The second text begins in the middle."""
    return [(i * kinds) // len(row) for i in range(len(row))]


def target_of(name, g, row):
    n = len(row)
    draw = lambda high: int(torch.randint(0, high, (1,), generator=g))  # noqa: E731
    if name == "masked":
        return [draw(VOCAB) if i % 3 == 1 else -100 for i in range(n)]
    if name == "tokens":
        return [draw(5) if i % 4 else -100 for i in range(n)]
    if name == "span":
        start = draw(n)
        return [start, start + draw(n - start)]
    if name == "single":
        return [draw(3)]
    if name == "multi":
        return [k for k in range(4) if draw(2)]
    return [round(float(torch.randn((), generator=g)), 4)]


def feeds_of(name):
    def feeds(batch):
        ids, mask = pad([row["input"] for row in batch])
        types, _ = pad([row["types"] for row in batch])
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
        targets = [row["target"] for row in batch]
        if name in ("masked", "tokens"):
            return {**given, "labels": pad(targets, value=-100)[0]}
        if name == "span":
            return {**given, "start_positions": [t[0] for t in targets], "end_positions": [t[1] for t in targets]}
        if name == "single":
            return {**given, "labels": [t[0] for t in targets]}
        if name == "multi":
            return {**given, "labels": [[1.0 if k in t else 0.0 for k in range(4)] for t in targets]}
        return {**given, "labels": [t[0] for t in targets]}
    return feeds


def scores_of(model, head, row, types):
    given = {"input_ids": torch.tensor([row]), "token_type_ids": torch.tensor([types])}
    if head == "choice":
        given = {k: v[None] for k, v in given.items()}
    with torch.no_grad():
        out = model(**given)
    if head is None:
        return out.last_hidden_state[0]
    if head == "span":
        return torch.stack([out.start_logits[0], out.end_logits[0]], -1)
    return (out.prediction_logits if hasattr(out, "prediction_logits") else out.logits)[0]


def as_of_old(folder):
    """Names of the first BERT files: gamma and beta, a table of positions, the output's bias under its second name."""
    path = os.path.join(folder, "model.safetensors")
    weights = load_file(path)
    weights = {k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v
               for k, v in weights.items()}
    weights["bert.embeddings.position_ids"] = torch.arange(24)[None]
    weights["cls.predictions.decoder.bias"] = weights.pop("cls.predictions.bias")
    weights["cls.predictions.decoder.weight"] = weights["bert.embeddings.word_embeddings.weight"].clone()
    save_file(weights, path, {"format": "pt"})


def write_case(name, seed):
    make, changes, head = CASES[name]
    folder = fresh_folder("bert", name)
    options = {"add_pooling_layer": False} if make is BertModel else {}
    layers = {} if head in ("masked", None) else {"num_hidden_layers": 1}
    model = randomise(make(config(**changes, **layers), **options), seed)
    save(model, folder)
    g = torch.Generator().manual_seed(1000 + seed)
    rows = random_rows(g, (9, 4, 14), VOCAB)
    types = [types_of(row, model.config.type_vocab_size) for row in rows]
    scores = [scores_of(model, head, row, kinds) for row, kinds in zip(rows, types)]
    # Rows of several tokens, one after another; or a row a text.
    whole = torch.cat(scores) if head in ("masked", "tokens", "span", None) else torch.stack(scores)
    save_file({"scores": whole.contiguous()}, os.path.join(folder, "expected.safetensors"))
    write_json(os.path.join(folder, "expected.json"), {"writer": WRITER, "head": head, "rows": rows, "types": types})
    if name in ("masked", "single", "multi", "regression", "tokens", "span"):
        batches = [[{"input": row, "types": types_of(row), "target": target_of(name, g, row)}
                    for row in random_rows(g, lengths, VOCAB)] for lengths in LENGTHS]
        train(lambda: make.from_pretrained(folder), folder, batches, feeds_of(name), "adamw",
              keep=name == "masked")
    if name == "pretraining-old":
        as_of_old(folder)
    if name == "bare":
        # The base model as wrappers save it says what it was cut from.
        edit_json(os.path.join(folder, "config.json"), lambda c: c.update(architectures=["BertForMaskedLM"]))
    print(name)


if __name__ == "__main__":
    for seed, case in enumerate(sys.argv[1:] or CASES):
        write_case(case, 11 + list(CASES).index(case))
