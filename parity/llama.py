"""Writes test/fixtures/llama: tiny Llama checkpoints and what transformers computes with them. See README.md."""
import copy
import json
import os
import sys

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

from common import fresh_folder, write_json
from tiny import WRITER, decoder_case, lm_batches, lm_feeds, randomise, save, train

# Heads of 8 channels where hidden_size / heads is 4.
GROUPED = dict(num_attention_heads=4, num_key_value_heads=2, head_dim=8)
CASES = {
    "grouped": (dict(**GROUPED, tie_word_embeddings=True), 2, "adafactor"),
    "biased": (dict(num_attention_heads=2, num_key_value_heads=1, attention_bias=True, mlp_bias=True,
                    hidden_act="gelu_pytorch_tanh", pad_token_id=0), 1, "sgd"),
}
# Rotary settings over the weights of `grouped`: as transformers 5 writes them, and max_position_embeddings.
ROPES = {
    "theta": (dict(rope_type="default", rope_theta=500.0), 64),
    "linear": (dict(rope_type="linear", rope_theta=10000.0, factor=3.0), 64),
    # Rows and answers of all lengths: within the 16 positions, beyond them, and crossing their border while decoding.
    "dynamic": (dict(rope_type="dynamic", rope_theta=10000.0, factor=2.5), 16),
    "llama3": (dict(rope_type="llama3", rope_theta=10000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                    original_max_position_embeddings=32), 256),
    "yarn": (dict(rope_type="yarn", rope_theta=10000.0, factor=4.0, original_max_position_embeddings=16), 64),
    "yarn-mscale": (dict(rope_type="yarn", rope_theta=100.0, factor=4.0, original_max_position_embeddings=32,
                         beta_fast=16.0, beta_slow=2.0, mscale=0.8, mscale_all_dim=1.2, truncate=False), 128),
    "longrope": (dict(rope_type="longrope", rope_theta=10000.0, original_max_position_embeddings=16,
                      short_factor=[1.0, 1.2, 1.5, 1.9], long_factor=[1.5, 2.5, 4.0, 6.0]), 64),
}


def config(**changes):
    base = dict(vocab_size=48, hidden_size=16, intermediate_size=20, num_hidden_layers=2, max_position_embeddings=64,
                bos_token_id=0, eos_token_id=1, pad_token_id=None, tie_word_embeddings=False)
    return LlamaConfig(**{**base, **changes})


def old_spelling(values):
    """The same settings as transformers 4 writes them: rope_theta beside rope_scaling."""
    new = dict(values)
    rope = dict(new.pop("rope_parameters"))
    new["rope_theta"] = rope.pop("rope_theta")
    # The oldest files name the kind `type`.
    kind = rope.pop("rope_type")
    new["rope_scaling"] = {("type" if kind in ("linear", "dynamic") else "rope_type"): kind, **rope} \
        if kind != "default" else None
    new["torch_dtype"] = new.pop("dtype", "float32")
    return new


def fresh(model):
    """The same model without what dynamic scaling remembers of earlier texts."""
    def made():
        model.model.rotary_emb = LlamaRotaryEmbedding(model.config)
        return model
    return made


def case_of(model, seed, **options):
    double = copy.deepcopy(model).double()
    g = torch.Generator().manual_seed(1000 + seed)
    return decoder_case(fresh(model), fresh(double), g, model.config.vocab_size, **options)


def attempt(name, seed):
    changes, ends, optimizer = CASES[name]
    model = randomise(LlamaForCausalLM(config(**changes)), seed)
    made = case_of(model, seed, ends=ends)
    if made is None:
        return False
    expected, logits = made
    folder = fresh_folder("llama", name)
    model.config.eos_token_id = expected["ends"][0] if ends == 1 else expected["ends"]
    save(model, folder)
    save_file({"logits": logits}, os.path.join(folder, "expected.safetensors"))
    write_json(os.path.join(folder, "expected.json"), {"writer": WRITER, **expected})
    load = lambda: LlamaForCausalLM.from_pretrained(folder)  # noqa: E731
    train(load, folder, lm_batches(torch.Generator().manual_seed(3), 48), lm_feeds, optimizer)
    return True


def with_rope(kind):
    rope, positions = ROPES[kind]
    folder = fresh_folder("llama", f"rope-{kind}")
    source = os.path.join(folder, "..", "grouped")
    with open(os.path.join(source, "config.json")) as f:
        values = json.load(f)
    values.update(rope_parameters=rope, max_position_embeddings=positions)
    model = LlamaForCausalLM.from_pretrained(source, config=LlamaConfig(**values)).eval()
    # Which positions there are decides whether the rows together have the frequencies of each alone.
    length_matters = kind in ("dynamic", "longrope")
    for seed in range(400):
        made = case_of(model, seed, lengths=(9, 4, 20), joined=not length_matters)
        if made:
            break
    else:
        raise SystemExit(f"rope-{kind}: no seed gives answers that end early and ones that do not")
    expected, logits = made
    # Where it was read from is a path of this machine.
    values = {**model.config.to_dict(), "eos_token_id": expected["ends"][0], "_name_or_path": ""}
    for spelling, name in ((values, "config.json"), (old_spelling(values), "config.v4.json")):
        with open(os.path.join(folder, name), "w") as f:
            json.dump(spelling, f, indent=2, sort_keys=True)
            f.write("\n")
    save_file({"logits": logits}, os.path.join(folder, "expected.safetensors"))
    write_json(os.path.join(folder, "expected.json"), {"writer": WRITER, **expected})
    print(f"rope-{kind}", "seed", seed)


if __name__ == "__main__":
    for case in sys.argv[1:] or [*CASES, *[f"rope-{kind}" for kind in ROPES]]:
        if case.startswith("rope-"):
            with_rope(case.removeprefix("rope-"))
            continue
        seed = next((seed for seed in range(400) if attempt(case, seed)), None)
        if seed is None:
            raise SystemExit(f"{case}: no seed gives answers that end early and ones that do not")
        print(case, "seed", seed)
