"""T0's rank classification with transformers, one forward pass a choice: test/fixtures/rank.

    rank.py                   writes the fixture
    rank.py OUT DATA [LIMIT]  compares what `zeroth eval --model test/fixtures/rank --task super_glue/rte,… --data DATA
                              --templates all --out OUT` gave with the same computed here, on real rows; DATA holds
                              rte.validation.jsonl.gz and so on

The model is a tiny T5 of random weights over bytes; prompts are this project's templates on the made-up rows of
test/fixtures/templates/rows.json. As in T0's evaluation, inputs get no end token and are padded on the left, choices
get one; a choice's score is the sum of its tokens' log-probabilities, the prediction the first of the highest.
"""

import gzip
import json
import os
import sys
from pathlib import Path

import torch
import yaml
from common import FIXTURES, config, fresh_folder, load, normal_weights, pad, save_folder, shift_right
from templates import Loader, apply
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

ROOT = Path(__file__).parent.parent
DATASETS = ["super_glue/rte", "super_glue/cb", "super_glue/copa", "super_glue/wic"]


def byte_tokenizer(path):
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate(["<pad>", "</s>", "<unk>", *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    tokenizer.add_special_tokens(["<pad>", "</s>", "<unk>"])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer.save(path)
    with open(os.path.join(os.path.dirname(path), "tokenizer_config.json"), "w") as f:
        json.dump({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}, f)
        f.write("\n")
    return tokenizer, len(vocabulary)


def score(model, inputs, choice):
    """Sums of log-probabilities of one choice for each of the inputs, as T0's code computes them."""
    ids, mask = pad(inputs, left=True)
    labels = [choice] * len(inputs)
    with torch.no_grad():
        logits = model(
            input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask), decoder_input_ids=torch.tensor(shift_right(labels))
        ).logits
    return logits.log_softmax(-1).gather(-1, torch.tensor(labels)[..., None]).squeeze(-1).sum(-1).tolist()


def templates_of(dataset):
    path = ROOT / "templates" / dataset / "templates.yaml"
    return yaml.load(path.read_text(encoding="utf-8"), Loader=Loader)["templates"].values()


def compare(out, data, limit):
    folder = os.path.join(FIXTURES, "rank")
    model, tokenizer = load(folder), Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    count, worst, other, accuracies = 0, 0.0, 0, 0
    for dataset in DATASETS:
        with open(os.path.join(out, f"samples_{dataset.replace('/', '_')}.jsonl"), encoding="utf-8") as f:
            ours = {(one["template"], one["index"]): one for one in map(json.loads, f)}
        with gzip.open(os.path.join(data, f"{dataset.split('/')[1]}.validation.jsonl.gz"), "rt", encoding="utf-8") as f:
            rows = [json.loads(line) for line in f][:limit]
        for template in templates_of(dataset):
            right = [0, 0]
            for index, row in enumerate(rows):
                parts, choices = apply(template, row)
                if len(parts) != 2:
                    assert (template["name"], index) not in ours
                    continue
                ids = tokenizer.encode(parts[0], add_special_tokens=False).ids[:1024]
                scores = [score(model, [ids], tokenizer.encode(choice).ids)[0] for choice in choices]
                one = ours.pop((template["name"], index))
                best, gold = scores.index(max(scores)), choices.index(parts[1])
                worst = max(worst, *(abs(a - b) for a, b in zip(scores, one["sums"], strict=True)))
                other += best != one["predicted"]
                right[0] += best == gold
                right[1] += one["predicted"] == one["gold"]
                count += 1
            accuracies += right[0] != right[1]
        assert not ours, f"{len(ours)} examples too many"
    print(f"{count} examples: scores differ by {worst:.1e} at most, {other} other answers, {accuracies} other accuracies")
    raise SystemExit(worst > 1e-3 or other > 0 or accuracies > 0)


def main():
    folder = fresh_folder("rank")
    tokenizer, size = byte_tokenizer(os.path.join(folder, "tokenizer.json"))
    cfg = config(vocab_size=size, feed_forward_proj="gated-gelu")
    save_folder(folder, cfg, normal_weights(cfg, False, 71, 0.2), False)
    model = load(folder)
    rows = json.loads((ROOT / "test/fixtures/templates/rows.json").read_text(encoding="utf-8"))
    tasks = []
    for dataset in DATASETS:
        for template in templates_of(dataset):
            examples = []
            for number, row in enumerate(rows[dataset]):
                parts, choices = apply(template, row)
                if len(parts) != 2:
                    continue
                prompt, target = parts
                ids = tokenizer.encode(prompt, add_special_tokens=False).ids[:1024]
                scores = [score(model, [ids, ids[:5]], tokenizer.encode(choice).ids)[0] for choice in choices]
                examples.append({"row": number, "scores": scores, "gold": choices.index(target), "best": scores.index(max(scores))})
            right = sum(e["gold"] == e["best"] for e in examples)
            tasks.append({"task": dataset, "template": template["name"], "accuracy": right / len(examples), "examples": examples})
    with open(os.path.join(folder, "expected.json"), "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(t, ensure_ascii=False) for t in tasks) + "\n]\n")
    print(len(tasks), "templates,", sum(len(t["examples"]) for t in tasks), "examples, mean accuracy", sum(t["accuracy"] for t in tasks) / len(tasks))


if __name__ == "__main__":
    if len(sys.argv) > 2:
        compare(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else None)
    main()
