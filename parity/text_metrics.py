"""ROUGE of rouge-score and BLEU of sacrebleu on made-up texts: test/fixtures/metrics.json (pip: rouge-score 0.1.2, sacrebleu 2.5.1)."""

import json
from pathlib import Path

import sacrebleu
from rouge_score import rouge_scorer

PAIRS = [
    ("the cat sat on the mat", "the cat is on the mat"),
    ("The bridge was opened in 1932, after 4 years.", "The bridge, built in four years, was opened in 1932."),
    ("", "an answer"),
    ("an answer", ""),
    ("No.", "no"),
    ("It costs $3.50 (about 3,000 lire) - a bargain!", "It cost 3.50 dollars - about 3,000 lire; a bargain."),
    ("a a a a b", "a b a b a"),
    ("well-known R&amp;D &quot;results&quot;", 'well known R&D "results"'),
    ("Über die Brücke gehen wir — schnell.", "Über die Brücke gehen sie schnell."),
    ("one\ntwo three", "one two\nthree four"),
    ("exactly the same words in the same order here", "exactly the same words in the same order here"),
    ("1.5 2,000 3-4 x-5 6.", "1.5 2,000 3-4 x-5 6."),
    ("snow is white and coal is black", "coal is black and snow is white"),
    ("東京 is large", "東京 is very large"),
]
KINDS = {"rouge1": "rouge1", "rouge2": "rouge2", "rougeL": "rougeL"}


# Texts, each with several references; a text with fewer is filled up with None, which sacrebleu leaves out.
MANY = [
    (
        ["The Vaults is a cheap pub by the river.", "Families like the Blue Spice."],
        [
            ["The Vaults is a pub near the river; it is cheap.", "By the river there is a cheap pub, The Vaults."],
            ["The Blue Spice is liked by families.", "Families like it.", "A place that families like: the Blue Spice."],
        ],
    ),
    (["the the the cat"], [["the cat", "the the dog sat here"]]),
    (["one two three four five"], [["one two three four", "one two three four five six", "zero"]]),
]


def bleu_of_many(hypotheses, references):
    most = max(map(len, references))
    filled = [r + [None] * (most - len(r)) for r in references]
    return sacrebleu.corpus_bleu(hypotheses, [list(column) for column in zip(*filled)]).score


def bleu(hypotheses, references):
    return sacrebleu.corpus_bleu(hypotheses, [references]).score


def main():
    scorer = rouge_scorer.RougeScorer(list(KINDS), use_stemmer=False)
    pairs = []
    for hypothesis, reference in PAIRS:
        rouge = {kind: score.fmeasure for kind, score in scorer.score(reference, hypothesis).items()}
        pairs.append({"text": hypothesis, "reference": reference, **rouge, "bleu": bleu([hypothesis], [reference])})
    texts, references = zip(*PAIRS)
    groups = [[0], [0, 1], [4, 6], [10, 11], list(range(len(PAIRS)))]
    corpora = [{"pairs": g, "bleu": bleu([texts[i] for i in g], [references[i] for i in g])} for g in groups]
    many = [{"texts": t, "references": r, "score": bleu_of_many(t, r)} for t, r in MANY]
    out = Path(__file__).parent.parent / "test/fixtures/metrics.json"
    out.write_text(
        '{\n "pairs": [\n' + ",\n".join("  " + json.dumps(p, ensure_ascii=False) for p in pairs)
        + '\n ],\n "corpora": [\n' + ",\n".join("  " + json.dumps(c) for c in corpora)
        + '\n ],\n "many": [\n' + ",\n".join("  " + json.dumps(m) for m in many) + "\n ]\n}\n",
        encoding="utf-8",
    )
    print(len(pairs), "pairs,", len(corpora), "corpora")


if __name__ == "__main__":
    main()
