"""Writes test/fixtures/decoders: tiny decoders of every family and what transformers computes with them. See README.md."""
import copy
import json
import os
import sys

import torch
import transformers
from safetensors.torch import save_file

from common import fresh_folder, write_json
from tiny import WRITER, decoder_case, lm_batches, lm_feeds, random_rows, randomise, save, train

VOCABULARY = 48
GATED = dict(hidden_size=16, intermediate_size=20, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2)
ROPE = dict(rope_type="default", rope_theta=10000.0)
KINDS = dict(full_attention=dict(rope_type="linear", rope_theta=5000.0, factor=2.0),
             sliding_attention=dict(rope_type="default", rope_theta=100.0))

# Name of the classes, settings.
CASES = {
    "gpt-neo": ("GPTNeo", dict(hidden_size=16, num_layers=3, num_heads=4, attention_types=[[["global", "local"], 1],
                [["local"], 1]], window_size=5, intermediate_size=20)),
    "gptj": ("GPTJ", dict(n_embd=16, n_layer=2, n_head=2, rotary_dim=4, n_inner=20)),
    "gpt-neox": ("GPTNeoX", dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=20,
                 rope_parameters=dict(**ROPE, partial_rotary_factor=0.5))),
    "gpt-neox-serial": ("GPTNeoX", dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=4, hidden_act="gelu_new",
                        intermediate_size=20, use_parallel_residual=False, attention_bias=False,
                        rope_parameters=dict(rope_type="linear", rope_theta=500.0, factor=3.0,
                                             partial_rotary_factor=1.0))),
    "mistral": ("Mistral", dict(**GATED, head_dim=8, sliding_window=5, rope_parameters=ROPE)),
    "qwen2": ("Qwen2", dict(**GATED, use_sliding_window=True, sliding_window=6, max_window_layers=1,
              rope_parameters=dict(rope_type="default", rope_theta=2000.0), tie_word_embeddings=True)),
    "qwen3": ("Qwen3", dict(**GATED, head_dim=8, rope_parameters=ROPE,
              layer_types=["sliding_attention", "full_attention"], use_sliding_window=True, sliding_window=5)),
    "gemma3": ("Gemma3", dict(**GATED, head_dim=8, query_pre_attn_scalar=12, sliding_window=5,
               layer_types=["sliding_attention", "full_attention"], rope_parameters=KINDS,
               final_logit_softcapping=6.0, tie_word_embeddings=True)),
    "phi3": ("Phi3", dict(**GATED, pad_token_id=0, rope_parameters=dict(**ROPE, partial_rotary_factor=0.5))),
}
# What transformers 4 calls the same settings: what goes, and what comes.
OLD = {
    "gpt-neo": ((), dict()),
    "gptj": ((), dict()),
    "gpt-neox": (("rope_parameters",), dict(rotary_pct=0.5, rotary_emb_base=10000)),
    "gpt-neox-serial": (("rope_parameters",), dict(rotary_pct=1.0, rotary_emb_base=500,
                        rope_scaling=dict(type="linear", factor=3.0))),
    "mistral": (("rope_parameters",), dict(rope_theta=10000.0)),
    "qwen2": (("rope_parameters", "layer_types"), dict(rope_theta=2000.0, rope_scaling=None)),
    "qwen3": (("rope_parameters",), dict(rope_theta=10000.0, rope_scaling=None)),
    "gemma3": (("rope_parameters", "layer_types", "_sliding_window_pattern"),
               dict(rope_theta=5000.0, rope_local_base_freq=100.0, rope_scaling=dict(rope_type="linear", factor=2.0),
                    sliding_window_pattern=2)),
    "phi3": (("rope_parameters",), dict(rope_theta=10000.0, rope_scaling=None, partial_rotary_factor=0.5)),
}
# Deviations of matrices and words where answers would repeat one token: of models with tied words.
STRENGTH = {"qwen2": (0.5, 0.7), "gemma3": (0.6, 0.15)}
# Families whose gradients are kept, too.
GRADIENTS = {"qwen3": "adamw", "gemma3": "sgd", "gpt-neox": "sgd"}


def config_class(name):
    return getattr(transformers, {"Gemma3": "Gemma3Text"}.get(name, name) + "Config")


def config(name):
    kind, settings = CASES[name]
    base = dict(vocab_size=VOCABULARY, bos_token_id=0, eos_token_id=1, pad_token_id=None, tie_word_embeddings=False)
    base["n_positions" if kind == "GPTJ" else "max_position_embeddings"] = 64
    if kind == "Phi3":
        base["original_max_position_embeddings"] = 64
    return config_class(kind)(**{**base, **settings})


def shifted(model):
    """Gemma's norms are stored around 0."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "norm" in name:
                p.sub_(1)
    return model


def made(name, cls, seed):
    std, words = STRENGTH.get(name, (0.3, 1.0))
    model = randomise(cls(config(name)), seed, std=std, words=words)
    return shifted(model) if name == "gemma3" else model


def old_config(folder, name):
    with open(os.path.join(folder, "config.json")) as f:
        values = json.load(f)
    gone, come = OLD[name]
    values = {k: v for k, v in values.items() if k not in gone}
    values.update(come, torch_dtype=values.pop("dtype", "float32"), transformers_version="4.46.0")
    with open(os.path.join(folder, "config.v4.json"), "w") as f:
        json.dump(values, f, indent=2, sort_keys=True)
        f.write("\n")


def case_of(model, seed):
    double = copy.deepcopy(model).double()
    g = torch.Generator().manual_seed(1000 + seed)
    # Rows beyond the windows, and one that reaches them while it is decoded.
    return decoder_case(lambda: model, lambda: double, g, VOCABULARY, lengths=(9, 4, 16))


def attempt(name, seed):
    cls = getattr(transformers, f"{CASES[name][0]}ForCausalLM")
    model = made(name, cls, seed)
    found = case_of(model, seed)
    if found is None:
        return False
    expected, logits = found
    folder = fresh_folder("decoders", name)
    model.config.eos_token_id = expected["ends"][0]
    save(model, folder)
    old_config(folder, name)
    save_file({"logits": logits}, os.path.join(folder, "expected.safetensors"))
    write_json(os.path.join(folder, "expected.json"), {"writer": WRITER, **expected})
    load = lambda: cls.from_pretrained(folder)  # noqa: E731
    batches = lm_batches(torch.Generator().manual_seed(3), VOCABULARY, 2)
    train(load, folder, batches, lm_feeds, GRADIENTS.get(name, "sgd"), keep=False,
          memory=lambda n: n.replace("embed_out", "lm_head"))
    if name not in GRADIENTS:
        os.remove(os.path.join(folder, "gradients.safetensors"))
    classes(name, folder)
    return True


def classes(name, folder):
    """The same body with a head of three classes, whose weights and scores are in classes.json."""
    kind = {"Gemma3": "Gemma3Text"}.get(CASES[name][0], CASES[name][0])
    model = getattr(transformers, f"{kind}ForSequenceClassification").from_pretrained(folder, num_labels=3,
                                                                                      pad_token_id=0).eval()
    g = torch.Generator().manual_seed(5)
    with torch.no_grad():
        model.score.weight.copy_(0.3 * torch.randn(model.score.weight.shape, generator=g))
        rows = random_rows(g, (9, 4), VOCABULARY)
        scores = [model(input_ids=torch.tensor([row])).logits[0].tolist() for row in rows]
    write_json(os.path.join(folder, "classes.json"), {
        "config": {"architectures": [type(model).__name__], "num_labels": 3, "pad_token_id": 0},
        "weight": model.score.weight.tolist(), "rows": rows, "scores": scores})


if __name__ == "__main__":
    for case in sys.argv[1:] or CASES:
        seed = next((seed for seed in range(400) if attempt(case, seed)), None)
        if seed is None:
            raise SystemExit(f"{case}: no seed gives answers that end early and ones that do not")
        print(case, "seed", seed)
