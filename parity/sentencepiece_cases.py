"""Writes test/fixtures/tokenizers/sentencepiece.json.br: SentencePiece models trained on this project's own pages, and
what transformers' T5Tokenizer and LlamaTokenizer (4.57, over the sentencepiece library) make of a thousand odd strings.

Needs transformers 4.57 (in version 5 the two no longer call the sentencepiece library), sentencepiece and brotli.
"""

import io
import json
import tempfile
from pathlib import Path

import brotli
import sentencepiece as sp
from transformers import LlamaTokenizer, T5Tokenizer

from tokenizer_strings import corpus, strings, utf16

ROOT = Path(__file__).parent.parent
OUT = ROOT / "test" / "fixtures" / "tokenizers" / "sentencepiece.json.br"


def train(kind: str, **options) -> bytes:
    model = io.BytesIO()
    sp.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus()), model_writer=model, model_type=kind, num_threads=1, minloglevel=2,
        hard_vocab_limit=False, **options,
    )
    return model.getvalue()


T5 = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
MODELS = {
    "t5": (train("unigram", vocab_size=900, character_coverage=0.995, **T5), T5Tokenizer, {}),
    "t5-new": (None, T5Tokenizer, {"legacy": False, "extra_ids": 10}),
    "unigram-odd": (
        train("unigram", vocab_size=600, byte_fallback=True, remove_extra_whitespaces=False, add_dummy_prefix=False,
              split_by_whitespace=False, user_defined_symbols=["<tool>", "tool", "▁▁"], **T5),
        T5Tokenizer, {"extra_ids": 0}),
    "suffix": (
        train("unigram", vocab_size=500, treat_whitespace_as_suffix=True, normalization_rule_name="nmt_nfkc_cf", **T5),
        T5Tokenizer, {"extra_ids": 3}),
    "llama": (
        train("bpe", vocab_size=1200, byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False,
              split_digits=True, allow_whitespace_only_pieces=True, character_coverage=0.995), LlamaTokenizer, {}),
    "llama-new": (None, LlamaTokenizer, {"legacy": False, "add_eos_token": True}),
    "bpe": (train("bpe", vocab_size=800, character_coverage=0.99, user_defined_symbols=["<tool>", "house"], **T5), T5Tokenizer, {}),
}


def main() -> None:
    texts = strings()
    models: list[str] = []
    out = {"texts": texts, "models": models, "kinds": []}
    for name, (model, kind, settings) in MODELS.items():
        if model is not None:
            models.append(model.hex())
            current = model
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "spiece.model"
            path.write_bytes(current)
            processor = sp.SentencePieceProcessor(model_proto=current)
            tokenizer = kind(str(path), **{"legacy": True, **settings})
            ids, offsets, decoded = [], [], []
            for text in texts:
                found = tokenizer.encode(text)
                ids.append(found)
                proto = processor.encode(text, out_type="immutable_proto")
                plain = [piece.id for piece in proto.pieces]
                offsets.append([plain, [utf16(text, at) for piece in proto.pieces for at in (piece.begin, piece.end)]])
                decoded.append(processor.decode(plain))
        config = {"tokenizer_class": kind.__name__, **settings}
        row = {"name": name, "model": len(models) - 1, "config": config, "ids": ids}
        if model is not None:
            row |= {"plain": [plain for plain, _ in offsets], "offsets": [spans for _, spans in offsets], "decoded": decoded}
        out["kinds"].append(row)
    data = json.dumps(out, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    OUT.write_bytes(brotli.compress(data, quality=11, lgwin=24))
    print(OUT, OUT.stat().st_size)


if __name__ == "__main__":
    main()
