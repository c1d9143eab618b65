"""Writes test/fixtures/generation.json: what generation_config.json and config.json say of begin and end. See README.md."""
import json
import os

import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, GenerationConfig

from common import FIXTURES, write_json
from tiny import WRITER, cut

NEW = 10
# folder, changes of config.json, generation_config.json (None: there is none).
CASES = [
    ("t5/untied-gated-gelu", {}, {"decoder_start_token_id": 5, "eos_token_id": 1, "pad_token_id": 0}),
    ("t5/untied-gated-gelu", {}, {"decoder_start_token_id": 0, "eos_token_id": [1, 17, 31], "pad_token_id": 0}),
    ("t5/untied-gated-gelu", {"eos_token_id": [1, 17, 31]}, None),
    ("t5/untied-gated-gelu", {"eos_token_id": 17, "decoder_start_token_id": 4}, None),
    ("t5/untied-gated-gelu", {}, {"decoder_start_token_id": 0, "eos_token_id": 1, "pad_token_id": 0,
                                  "forced_bos_token_id": 9}),
    ("t5/untied-gated-gelu", {}, {"decoder_start_token_id": 0, "eos_token_id": 1, "pad_token_id": 0,
                                  "forced_eos_token_id": 1}),
    ("t5/tied-relu", {}, {"decoder_start_token_id": 0, "eos_token_id": [7, 3], "pad_token_id": 0,
                          "forced_bos_token_id": 9, "forced_eos_token_id": [7]}),
    ("gpt2/tied", {}, {"bos_token_id": 0, "eos_token_id": [11, 23, 40], "pad_token_id": 0}),
    ("gpt2/tied", {"eos_token_id": [11, 23, 40]}, None),
    ("gpt2/tied", {}, {"eos_token_id": 23, "pad_token_id": 0, "forced_bos_token_id": 9, "forced_eos_token_id": 23}),
    ("llama/grouped", {}, {"bos_token_id": 0, "eos_token_id": [13, 44], "pad_token_id": 0,
                           "forced_eos_token_id": [44, 13]}),
    ("llama/biased", {}, {"eos_token_id": 30, "pad_token_id": 0, "forced_bos_token_id": 8}),
]
PARAMS = [{}, {"num_beams": 4}, {"num_beams": 3, "length_penalty": 2.0, "early_stopping": True}]


def run(folder, changes, file):
    decoder = not folder.startswith("t5/")
    path = os.path.join(FIXTURES, folder)
    kind = AutoModelForCausalLM if decoder else AutoModelForSeq2SeqLM
    model = kind.from_pretrained(path).eval()
    for key, value in changes.items():
        setattr(model.config, key, value)
    model.generation_config = GenerationConfig.from_model_config(model.config) if file is None \
        else GenerationConfig(**file)
    ends = model.generation_config.eos_token_id
    ends = ends if isinstance(ends, list) else [ends]
    g = torch.Generator().manual_seed(4)
    prompts = [torch.randint(2, 48, (n,), generator=g).tolist() for n in (6, 1, 11)]
    runs = []
    # Of several forced last tokens all are equally likely: beams take any of them, greedy decoding the lowest.
    forced = (file or {}).get("forced_eos_token_id")
    for params in PARAMS[:1] if isinstance(forced, list) and len(forced) > 1 else PARAMS:
        tokens = []
        for prompt in prompts:
            with torch.no_grad():
                out = model.generate(input_ids=torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)),
                                     max_new_tokens=NEW, do_sample=False, **params)[0].tolist()
            tokens.append(cut(out[len(prompt) if decoder else 1:], ends))
        runs.append({"params": params, "tokens": tokens})
    print(folder, changes, file, [t[-1] in ends for r in runs for t in r["tokens"]])
    return {"folder": folder, "config": changes, "file": file, "prompts": prompts, "runs": runs}


if __name__ == "__main__":
    cases = [run(*case) for case in CASES]
    write_json(os.path.join(FIXTURES, "generation.json"), {"writer": WRITER, "max_new_tokens": NEW, "cases": cases})
