"""CTranslate2 as a benchmark peer: one JSON line per measurement. Converts the folder once, beside it.

    python ctranslate2_peer.py FOLDER [--threads 2] [--dtype float32|int8] [--measure encoder,decode,first_token]

It runs no T5 encoder alone, so `encoder` is 256 tokens with one decoder step; `decode` is the difference between 64
steps and 1, by step, at batch 1 and 8. No training.
"""
import os
import sys
from importlib.metadata import version

from measure import PROMPT, arguments, ids, parent, report, timed

args = arguments(["encoder", "decode", "first_token"], ["float32", "int8"])
converted = os.path.normpath(args.folder) + f".ct2-{args.dtype}"


def convert():
    from ctranslate2.converters import TransformersConverter

    TransformersConverter(args.folder).convert(converted, quantization=args.dtype, force=True)


def load():
    import ctranslate2

    return ctranslate2.Translator(converted, device="cpu", inter_threads=1, intra_threads=args.threads,
                                  compute_type=args.dtype)


def pieces():
    import json

    with open(os.path.join(args.folder, "tokenizer.json"), encoding="utf-8") as f:
        return [p for p, _ in json.load(f)["model"]["vocab"]]


def translate(translator, rows, steps):
    translator.translate_batch(rows, beam_size=1, max_decoding_length=steps, min_decoding_length=steps,
                               max_input_length=0)


def encoder():
    translator, vocab = load(), pieces()
    rows = [[vocab[t] for t in row] for row in ids(1, 256, len(vocab))]
    report(timed(lambda: translate(translator, rows, 1), args.repeats), batch=1, tokens=256, decoder_steps=1)


def decode():
    translator, vocab = load(), pieces()
    for batch in args.batch:
        rows = [[vocab[t] for t in row] for row in ids(batch, 256, len(vocab))]
        repeats = max(min(3, args.repeats), args.repeats - 2)
        one = min(timed(lambda: translate(translator, rows, 1), repeats))
        many = timed(lambda: translate(translator, rows, 64), repeats)
        report([t - one for t in many], per=63, batch=batch, steps=63, encoder_tokens=256)


def first_token():
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(os.path.join(args.folder, "tokenizer.json"))
    translate(load(), [tokenizer.encode(PROMPT).tokens], 1)
    report([0.0])


if args.child:
    {"encoder": encoder, "decode": decode, "first_token": first_token}[args.child]()
else:
    if not os.path.exists(os.path.join(converted, "model.bin")):
        convert()
    if not args.prepare:
        parent(args, "ctranslate2", version("ctranslate2"))
