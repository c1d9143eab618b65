"""Writes test/fixtures/megatron: a tiny GPT-2 and the same weights as Megatron-LM's checkpoints. See README.md."""
import argparse
import os

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from common import fresh_folder, write_json
from tiny import WRITER, random_rows, randomise, save

LAYERS, WIDTH, HEADS, WORDS, POSITIONS = 2, 8, 2, 20, 12
K = WIDTH // HEADS
FILE = "model_optim_rng.pt"


def settings():
    return argparse.Namespace(num_layers=LAYERS, hidden_size=WIDTH, num_attention_heads=HEADS, ffn_hidden_size=4 * WIDTH,
                              max_position_embeddings=POSITIONS, padded_vocab_size=32, layernorm_epsilon=1e-5,
                              bias_gelu_fusion=True, openai_gelu=False, params_dtype=torch.float32, swiglu=False,
                              position_embedding_type="learned_absolute")


def grouped(rows, version, own):
    """Rows [3 · H · k, …] of a rank as this version of checkpoints has them."""
    parts = rows.reshape(3, own, K, *rows.shape[1:])
    if version >= 2:
        parts = parts.transpose(0, 1)
    elif version >= 1:
        parts = parts.permute(1, 2, 0, *range(3, parts.dim()))
    return parts.reshape(rows.shape).contiguous()


def rank_model(weights, version, rank, ranks, stage, stages, newer):
    """What one rank of one stage holds."""
    w = {name.removeprefix("transformer."): value for name, value in weights.items()}
    own = HEADS // ranks
    part = lambda x, axis=0: x.chunk(ranks, axis)[rank].contiguous()  # noqa: E731
    attention = "self_attention" if newer else "attention"
    body, each = {}, LAYERS // stages
    for n in range(each):
        h = f"h.{stage * each + n}."
        qkv = {}
        for kind in ("weight", "bias"):
            rows = w[h + f"attn.c_attn.{kind}"].T if kind == "weight" else w[h + "attn.c_attn.bias"]
            heads = rows.reshape(3, HEADS, K, *rows.shape[1:])[:, rank * own:(rank + 1) * own]
            qkv[kind] = grouped(heads.reshape(3 * own * K, *rows.shape[1:]), version, own)
        names = {
            f"{attention}.query_key_value.weight": qkv["weight"],
            f"{attention}.query_key_value.bias": qkv["bias"],
            f"{attention}.dense.weight": part(w[h + "attn.c_proj.weight"].T, 1),
            f"{attention}.dense.bias": w[h + "attn.c_proj.bias"],
            "mlp.dense_h_to_4h.weight": part(w[h + "mlp.c_fc.weight"].T),
            "mlp.dense_h_to_4h.bias": part(w[h + "mlp.c_fc.bias"]),
            "mlp.dense_4h_to_h.weight": part(w[h + "mlp.c_proj.weight"].T, 1),
            "mlp.dense_4h_to_h.bias": w[h + "mlp.c_proj.bias"],
            **{f"input_layernorm.{k}": w[h + f"ln_1.{k}"] for k in ("weight", "bias")},
            **{f"post_attention_layernorm.{k}": w[h + f"ln_2.{k}"] for k in ("weight", "bias")},
        }
        body.update({f"layers.{n}.{name}": value.clone() for name, value in names.items()})
    if stage == stages - 1:
        body.update({f"final_layernorm.{k}": w[f"ln_f.{k}"].clone() for k in ("weight", "bias")})
    padded = torch.cat([w["wte.weight"], torch.zeros(32 - WORDS, WIDTH)])
    embedding = {"word_embeddings": {"weight": part(padded).clone()},
                 "position_embeddings": {"weight": w["wpe.weight"].clone()}}
    return {"language_model": {**({"embedding": embedding} if stage == 0 else {}),
                               "encoder" if newer else "transformer": body}}


def write(name, weights, version, ranks=1, stages=1, newer=False, args=True):
    folder = fresh_folder("megatron", name)
    inner = os.path.join(folder, "iter_0000007")
    for rank in range(ranks):
        for stage in range(stages):
            place = os.path.join(inner, f"mp_rank_{rank:02d}" + (f"_{stage:03d}" if stages > 1 else ""))
            os.makedirs(place)
            value = {"iteration": 7, "model": rank_model(weights, version, rank, ranks, stage, stages, newer)}
            if version > 0:
                value["checkpoint_version"] = version
            if args:
                value["args"] = settings()
            torch.save(value, os.path.join(place, FILE))
    with open(os.path.join(folder, "latest_checkpointed_iteration.txt"), "w") as f:
        f.write("7")


if __name__ == "__main__":
    config = GPT2Config(vocab_size=WORDS, n_positions=POSITIONS, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS,
                        activation_function="gelu_fast", resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0)
    model = randomise(GPT2LMHeadModel(config), 3)
    folder = fresh_folder("megatron", "gpt2")
    save(model, folder)
    rows = random_rows(torch.Generator().manual_seed(3), (7,), WORDS)
    with torch.no_grad():
        logits = model(input_ids=torch.tensor(rows)).logits[0].tolist()
    write_json(os.path.join(folder, "expected.json"), {"writer": WRITER, "rows": rows, "logits": logits})
    weights = {k: v for k, v in model.state_dict().items() if k != "lm_head.weight"}
    write("v0", weights, 0, ranks=2, args=False)
    write("v1", weights, 1.0)
    write("v3", weights, 3.0, ranks=2, newer=True)
    write("stages", weights, 3.0, stages=2, newer=True)
