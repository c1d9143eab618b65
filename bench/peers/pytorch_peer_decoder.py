"""PyTorch with transformers' decoders: python pytorch_peer_decoder.py FOLDER [--threads 2] [--child prefill|generate]"""
import time

from measure import arguments, ids, report, timed

args = arguments(["prefill", "generate"], ["float32"])
CONTEXT, STEPS = 512, 32

import torch
from transformers import AutoModelForCausalLM
from transformers.utils import logging

logging.set_verbosity_error()
logging.disable_progress_bar()
torch.set_num_threads(args.threads)
model = AutoModelForCausalLM.from_pretrained(args.folder, dtype=torch.float32).eval()


def read(tokens):
    out = model(input_ids=tokens, use_cache=True, logits_to_keep=1)
    return out.logits[:, -1].argmax(-1, keepdim=True), out.past_key_values


def generate(tokens):
    token, cache = read(tokens)
    start = time.perf_counter()
    for _ in range(STEPS):
        out = model(input_ids=token, past_key_values=cache, use_cache=True)
        token, cache = out.logits[:, -1].argmax(-1, keepdim=True), out.past_key_values
    return (time.perf_counter() - start) * 1000 / STEPS


with torch.inference_mode():
    for batch in args.batch:
        tokens = torch.tensor(ids(batch, CONTEXT, model.config.vocab_size))
        if args.child == "prefill":
            report(timed(lambda: read(tokens), args.repeats), batch=batch, tokens=CONTEXT)
        else:
            generate(tokens)
            report([generate(tokens) for _ in range(args.repeats)], batch=batch, steps=STEPS, context=CONTEXT)
