"""The vectors of a folder of sentence-transformers, theirs beside ours, after `npm run build`.

    python check_embeddings.py FOLDER SENTENCES.txt [--tolerance 1e-5]

One sentence a line. Prints how many there are and the largest difference of a number; exit status 1 beyond tolerance.
"""
import argparse
import json
import os
import subprocess
import sys

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("sentences")
parser.add_argument("--tolerance", type=float, default=1e-5)
args = parser.parse_args()

torch.set_num_threads(1)
with open(args.sentences, encoding="utf8") as f:
    sentences = [line for line in f.read().split("\n") if line]
theirs = SentenceTransformer(args.folder, device="cpu").encode(sentences)
script = os.path.join(os.path.dirname(__file__), "embed.js")
ours = json.loads(subprocess.run(["node", script, args.folder, args.sentences], check=True, capture_output=True).stdout)
gap = float(np.abs(theirs - np.array(ours, dtype=np.float32)).max())
print(json.dumps({"sentences": len(sentences), "shape": list(theirs.shape), "largest_difference": gap}))
sys.exit(gap > args.tolerance)
