"""ROUGE of rouge-score, NLTK's Porter stems and Newsroom's fragments on made-up texts: test/fixtures/rouge.json (pip: rouge-score 0.1.2, nltk 3.10)."""

import json
import random
from pathlib import Path

from nltk.stem.porter import PorterStemmer
from rouge_score import rouge_scorer

PAIRS = [
    (
        "A white whale took the captain's leg.\nAcross the oceans he hunts it, swearing revenge.",
        "The captain lost his leg to the white whale.\nHe swears revenge and hunts it across three oceans.",
    ),
    ("w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5", "w1 w2 w3 w4 w5"),
    ("cafe naive 42nd", "Café naïve 42nd"),
    ("", "an answer"),
    ("an answer", ""),
    ("!!!", "?"),
    ("one line\n\n\ntwo lines\n...\nthree", "two lines\none line\nand a third"),
    ("the the the cat sat\nthe cat the cat", "the cat sat\nthe cat the dog"),
    ("It was agreed; universities generously relate geology.", "They agree: a university relates generous geologies."),
    ("東京 is large", "東京 is very large"),
]
WORDS = """
flies dies died skies happily generously relational hopping filing falling controlling agreed university geology whaling
enjoy sky dying lying tying news inning innings outing cannings howe proceed exceed succeed is as by ties cries tried tied
caresses ponies cats feed plastered bled motoring sing conflated troubled sized tanned hissing fizzed failing conditional
rational valenci hesitanci digitizer conformabli radicalli differentli vileli analogousli vietnamization predication
operator feudalism decisiveness hopefulness callousness formaliti sensitiviti sensibiliti hopefulli mythologi triplicate
formative formalize electriciti electrical hopeful goodness revival allowance inference airliner gyroscopic adjustable
defensible irritant replacement adjustment dependent adoption homologou communism activate angulariti homologous effective
bowdlerize probate rate cease controll roll say day employ a ax oxy ied eed being seeing agreeing radically beautifully
apologies oily boxes bees axes y eying yying bbed yy eee
""".split()
FRAGMENTS = [
    (
        "the old man fished alone for eighty four days",
        "he was an old man who fished alone in a skiff and he had gone eighty four days now without a fish",
    ),
    ("a a b", "a a a b"),
    ("x y z", "a b c"),
    ("a b c a b", "c a b a b c a b x"),
]


def fragments(summary, article):
    """lil-lab/newsroom, analyze/fragments.py, _match."""
    start, found = 0, []
    while start < len(summary):
        best, at = [], 0
        while at < len(article):
            if summary[start] == article[at]:
                i, j = start, at
                while i < len(summary) and j < len(article) and summary[i] == article[j]:
                    i, j = i + 1, j + 1
                if not best or i - start > best[2]:
                    best = [start, at, i - start]
                at = j
            else:
                at += 1
        if best:
            found.append(best)
        start += max(best[2] if best else 0, 1)
    return found


def main():
    kinds = ["rouge1", "rouge2", "rouge3", "rougeL", "rougeLsum"]
    scorers = {stem: rouge_scorer.RougeScorer(kinds, use_stemmer=stem) for stem in (False, True)}
    draw = random.Random(5)
    pool = "the a captain sails sailing ships ship hunted hunting whales whale sea seas and".split()
    made = [
        tuple("\n".join(" ".join(draw.choices(pool, k=draw.randint(1, 9))) for _ in range(draw.randint(1, 4))) for _ in "ab")
        for _ in range(40)
    ]
    pairs = []
    for text, reference in [*PAIRS, *made]:
        row = {"text": text, "reference": reference}
        for stem, scorer in scorers.items():
            row["stem" if stem else "plain"] = {k: list(v) for k, v in scorer.score(reference, text).items()}
        pairs.append(row)
    stemmer = PorterStemmer()
    stems = {word: stemmer.stem(word) for word in WORDS}
    cuts = []
    for summary, article in FRAGMENTS:
        s, t = summary.split(), article.split()
        found = fragments(s, t)
        sums = [sum(n**power for _, _, n in found) / len(s) for power in (1, 2)]
        cuts.append({"summary": summary, "text": article, "fragments": found, "shares": [*sums, len(t) / len(s)]})
    out = Path(__file__).parent.parent / "test/fixtures/rouge.json"
    lines = lambda rows: ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in rows)
    out.write_text(
        f'{{\n "pairs": [\n{lines(pairs)}\n ],\n "stems": {json.dumps(stems)},\n "fragments": [\n{lines(cuts)}\n ]\n}}\n',
        encoding="utf-8",
    )
    print(len(pairs), "pairs,", len(stems), "stems,", len(cuts), "fragments")


if __name__ == "__main__":
    main()
