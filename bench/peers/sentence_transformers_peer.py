"""Embeddings by sentence-transformers, as a benchmark peer: the texts of FOLDER/texts.json, 32 at a time.

    python sentence_transformers_peer.py FOLDER [--threads 2] [--repeats 5] --child embed

It puts texts of similar length together itself; vectors are means of length 1.
"""
import json
import os
from importlib.metadata import version

from measure import arguments, parent, report, timed

args = arguments(["embed"], ["float32"])


def embed():
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.set_verbosity_error()
    torch.set_num_threads(args.threads)
    model = SentenceTransformer(args.folder, device="cpu", local_files_only=True)
    with open(os.path.join(args.folder, "texts.json")) as f:
        texts = json.load(f)
    made = []

    def run():
        made[:] = model.encode(texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False)

    times = timed(run, args.repeats)
    report(times, texts=len(texts), first=[float(x) for x in made[0][:3]])


if args.child:
    embed()
else:
    parent(args, "sentence-transformers", version("sentence-transformers"))
