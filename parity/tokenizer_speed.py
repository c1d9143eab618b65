"""MB/s of the Python libraries on what bench/tokenizers.js measures: needs tokenizers, sentencepiece, brotli."""

import json
import os
import time
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import brotli
import sentencepiece
from tokenizers import Tokenizer

ROOT = Path(__file__).parent.parent
FIXTURES = ROOT / "test" / "fixtures" / "tokenizers"


def rate(encode, text: str) -> float:
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        encode(text)
        best = min(best, time.perf_counter() - start)
    return round(len(text.encode()) / 1e6 / best, 1)


def main() -> None:
    page = "\n".join(path.read_text() for path in sorted((ROOT / "docs").glob("*.md")))
    text = (page * (1 + 500_000 // len(page)))[:500_000]
    kinds = json.loads(brotli.decompress((FIXTURES / "kinds.json.br").read_bytes()))
    for row in kinds["kinds"]:
        spec = json.dumps(row["json"]).replace('"$charsmap"', json.dumps(kinds["charsmap"]))
        print("tokenizer.json", row["name"], rate(Tokenizer.from_str(spec).encode, text))
    models = json.loads(brotli.decompress((FIXTURES / "sentencepiece.json.br").read_bytes()))
    for row in models["kinds"]:
        model = sentencepiece.SentencePieceProcessor(model_proto=bytes.fromhex(models["models"][row["model"]]))
        print("spiece.model", row["name"], rate(model.encode, text))


if __name__ == "__main__":
    main()
