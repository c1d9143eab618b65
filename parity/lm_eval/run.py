"""The same rows through lm-evaluation-harness, asking a server that runs, and through the command line here.

    zeroth serve --model MODEL.gguf --port 8080 --no-page
    python parity/lm_eval/run.py ROWS.jsonl MODEL.gguf [--url http://127.0.0.1:8080] [--limit 50] [--tolerance 1e-4]

ROWS are COPA's (premise, choice1, choice2, question, label; also .gz). The harness (lm_eval==0.4.13) asks
/v1/completions by `local-completions` with the server's tokenizer; `zeroth score --input` and `zeroth eval` open the
model themselves. Compared are the sum of every choice's log-probabilities, of copa.yaml and of copa_space.yaml, and the
accuracy. Prints one JSON line for each comparison and exits with 1 where one is not equal: a difference may be the
tolerance, or the tolerance of the sum where that is beyond 1, as everywhere here. Of a vocabulary of 49,152 words the
engine's sum of probabilities in single precision, which `zeroth score` has, loses up to 2.4e-5 a token; /v1/completions
sums in double precision.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

here = Path(__file__).resolve().parent
program = here.parent.parent / "bin" / "zeroth.js"


def harness(url, model, folder):
    """Per task: contexts, choices and sums of each row as the harness has them, its answers' labels, and its accuracy."""
    os.environ.update(HF_DATASETS_CACHE=str(folder / "cache"), HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1")
    os.chdir(folder)
    import lm_eval
    from lm_eval.tasks import TaskManager

    arguments = {
        "model": model,
        "base_url": f"{url}/v1/completions",
        "tokenizer_backend": "remote",
        "batch_size": 8,
        "auth_token": os.environ.get("OPENAI_API_KEY"),
    }
    found = lm_eval.simple_evaluate(
        model="local-completions",
        model_args=arguments,
        tasks=["zeroth_copa", "zeroth_copa_space"],
        task_manager=TaskManager(include_path=str(here), include_defaults=False),
        log_samples=True,
        bootstrap_iters=0,
    )
    told = {}
    for task, samples in found["samples"].items():
        samples = sorted(samples, key=lambda sample: sample["doc_id"])
        told[task] = {
            "rows": [
                {
                    "prompt": sample["arguments"][0][0],
                    "choices": [choice for _, choice in sample["arguments"]],
                    "sums": [sum for sum, _ in sample["filtered_resps"]],
                    "label": sample["target"],
                }
                for sample in samples
            ],
            "accuracy": found["results"][task]["acc,none"],
        }
    return told


def zeroth(*arguments, **options):
    done = subprocess.run(["node", program, *arguments], check=True, stdout=subprocess.PIPE, text=True, **options)
    return [json.loads(line) for line in done.stdout.splitlines()]


def scored(model, rows):
    """Sums of every choice after its prompt, as `zeroth score` gives them without the end token."""
    asked = "".join(json.dumps({"prompt": row["prompt"], "choices": row["choices"]}) + "\n" for row in rows)
    told = zeroth("score", "--model", model, "--input", "-", "--no-eos", "--json", "--quiet", input=asked)
    return [one["scores"] for one in told]


# The harness' task as one of zeroth's; it takes no file of another kind beside its own.
TASK = """task: copa
prompts: "{{ premise.strip()[:-1] }} {{ 'because' if question == 'cause' else 'therefore' }}"
choices: "{{ choice1[0] | lower ~ choice1[1:] }} ||| {{ choice2[0] | lower ~ choice2[1:] }}"
label: label
"""


def evaluated(model, folder):
    """Sums of every choice and the accuracy, as `zeroth eval` gives them counting as the harness does."""
    (folder / "task.yaml").write_text(TASK)
    row, *_ = zeroth("eval", "--model", model, "--task", "task.yaml", "--data", "copa.jsonl", "--no-eos",
                     "--delimiter", " ", "--no-prompt-end", "--no-cache", "--out", "evaluated", "--json", "--quiet", cwd=folder)
    samples = (folder / "evaluated" / "samples_copa.jsonl").read_text().splitlines()
    return [json.loads(line)["sums"] for line in samples], row["value"]


def moved(row):
    """The row with the spaces at the end of its prompt before its choices instead."""
    prompt = row["prompt"].rstrip()
    space = row["prompt"][len(prompt) :]
    return {**row, "prompt": prompt, "choices": [space + choice for choice in row["choices"]]}


def compared(what, rows, sums, tolerance, accuracy=None):
    pairs = [(a, b) for row, own in zip(rows, sums, strict=True) for a, b in zip(row["sums"], own, strict=True)]
    differences = [abs(a - b) for a, b in pairs]
    relative = [abs(a - b) / max(1, abs(a)) for a, b in pairs]
    right = sum(own.index(max(own)) == row["label"] for row, own in zip(rows, sums, strict=True)) / len(rows)
    line = {
        "compared": what,
        "pairs": len(differences),
        "greatest_difference": max(differences),
        "greatest_of_its_sum": max(relative),
        "pairs_that_differ": sum(difference > tolerance for difference in relative),
        "accuracy": right,
        **({} if accuracy is None else {"accuracy_of_the_harness": accuracy}),
    }
    print(json.dumps(line), flush=True)
    return line["pairs_that_differ"] == 0 and (accuracy is None or right == accuracy)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("rows")
    parser.add_argument("model")
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--limit", type=int, default=50)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    asked = parser.parse_args()
    model = str(Path(asked.model).resolve())
    opened = gzip.open if asked.rows.endswith(".gz") else open
    with opened(asked.rows, "rt") as file:
        rows = [line for line in file if line.strip()][: asked.limit]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "copa.jsonl").write_text("".join(rows))
        told = harness(asked.url, Path(model).name.removesuffix(".gguf"), folder)
        plain, space = told["zeroth_copa"], told["zeroth_copa_space"]
        # The harness joins the two with a space that it gives to the choice.
        spaced = [{**row, "choices": [choice if choice.startswith(" ") else " " + choice for choice in row["choices"]]}
                  for row in plain["rows"]]
        sums, value = evaluated(model, folder)
        equal = [
            compared("zeroth eval --no-eos --delimiter ' '", plain["rows"], sums, asked.tolerance, plain["accuracy"]),
            value == plain["accuracy"],
            compared("zeroth score", spaced, scored(model, spaced), asked.tolerance, plain["accuracy"]),
            compared(
                "zeroth score, spaces at a prompt's end given to its choices",
                space["rows"],
                scored(model, [moved(row) for row in space["rows"]]),
                asked.tolerance,
                space["accuracy"],
            ),
        ]
        # Told, not demanded: a prompt that keeps its last space is another question.
        compared("zeroth score, spaces at a prompt's end left there", space["rows"], scored(model, space["rows"]), asked.tolerance)
    sys.exit(0 if all(equal) else 1)


main()
