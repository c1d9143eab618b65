"""Writes a T5 folder with random weights for benchmarks: python make_t5.py t5-small|t5-base|t5-large|t5-train OUT

Same shape, same seed, same bytes. fp32 safetensors, config as transformers 4 wrote it, and a tokenizer.json with a
synthetic unigram vocabulary: it tokenizes English into pieces of plausible length and means nothing.
"""
import itertools
import json
import os
import sys

import numpy as np
from safetensors.numpy import save_file

SHAPES = {
    "t5-small": dict(d_model=512, d_kv=64, d_ff=2048, num_layers=6, num_heads=8, feed_forward_proj="relu",
                     vocab_size=32128),
    "t5-base": dict(d_model=768, d_kv=64, d_ff=2048, num_layers=12, num_heads=12, feed_forward_proj="gated-gelu",
                    vocab_size=32128, tie_word_embeddings=False),
    "t5-large": dict(d_model=1024, d_kv=64, d_ff=2816, num_layers=24, num_heads=16, feed_forward_proj="gated-gelu",
                     vocab_size=32128, tie_word_embeddings=False),
    "t5-train": dict(d_model=512, d_kv=64, d_ff=1024, num_layers=3, num_heads=8, feed_forward_proj="relu",
                     vocab_size=16384),
}


def weights(shape):
    d, f, h, v = (shape[k] for k in ("d_model", "d_ff", "num_heads", "vocab_size"))
    inner = h * shape["d_kv"]
    gated = shape["feed_forward_proj"].startswith("gated")
    rng = np.random.default_rng(20)

    def normal(rows, columns, std):
        return rng.standard_normal((rows, columns), dtype=np.float32) * np.float32(std)

    # The initialisation of T5, so that activations have the size they have in training.
    out = {"shared.weight": normal(v, d, 1.0)}
    for stack in ("encoder", "decoder"):
        for i in range(shape["num_layers"]):
            block = f"{stack}.block.{i}.layer"
            kinds = ["SelfAttention"] + (["EncDecAttention"] if stack == "decoder" else [])
            for n, kind in enumerate(kinds):
                out[f"{block}.{n}.layer_norm.weight"] = np.ones(d, np.float32)
                out[f"{block}.{n}.{kind}.q.weight"] = normal(inner, d, (d * shape["d_kv"]) ** -0.5)
                out[f"{block}.{n}.{kind}.k.weight"] = normal(inner, d, d**-0.5)
                out[f"{block}.{n}.{kind}.v.weight"] = normal(inner, d, d**-0.5)
                out[f"{block}.{n}.{kind}.o.weight"] = normal(d, inner, inner**-0.5)
            if i == 0:
                out[f"{block}.0.SelfAttention.relative_attention_bias.weight"] = normal(32, h, d**-0.5)
            last = len(kinds)
            out[f"{block}.{last}.layer_norm.weight"] = np.ones(d, np.float32)
            for name in ("wi_0", "wi_1") if gated else ("wi",):
                out[f"{block}.{last}.DenseReluDense.{name}.weight"] = normal(f, d, d**-0.5)
            out[f"{block}.{last}.DenseReluDense.wo.weight"] = normal(d, f, f**-0.5)
        out[f"{stack}.final_layer_norm.weight"] = np.ones(d, np.float32)
    if shape.get("tie_word_embeddings") is False:
        out["lm_head.weight"] = normal(v, d, d**-0.5)
    return out


def tokenizer(vocab_size):
    """pad, eos, unk, then characters, syllables and pairs of them, longer pieces rarer; 100 sentinels at the end."""
    size = min(32000, vocab_size - 128)
    first, vowels, last = "bcdfghjklmnprstvwz", "aeiou", ["", "n", "r", "s", "t", "l", "ng", "st"]
    syllables = [a + b + c for c in last for a in first for b in vowels]
    pieces = ["▁", *(chr(c) for c in range(33, 127)), *"éèüöäßàçñ–—’“”£€"]
    for group in (syllables, (a + b for a, b in itertools.product(syllables[:200], syllables[:200]))):
        for text in group:
            pieces += ["▁" + text, text]
            if len(pieces) > size * 2:
                break
    pieces = list(dict.fromkeys(pieces))[: size - 3]
    scores = [-4.0 - 8.0 * (n / size) ** 0.5 - (3.0 if len(p) == 1 else 0.0) for n, p in enumerate(pieces)]
    vocab = [["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0], *([p, s] for p, s in zip(pieces, scores))]
    sentinels = [f"<extra_id_{99 - n}>" for n in range(100)]
    vocab += [[s, 0.0] for s in sentinels]
    special = ["<pad>", "</s>", "<unk>"]
    added = [(n, s, False) for n, s in enumerate(special)] + [(size + n, s, True) for n, s in enumerate(sentinels)]
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": n, "content": s, "single_word": False, "lstrip": strip, "rstrip": strip,
                          "normalized": False, "special": True} for n, s, strip in added],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFKC"}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]},
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        "post_processor": {"type": "TemplateProcessing",
                           "single": [{"Sequence": {"id": "A", "type_id": 0}},
                                      {"SpecialToken": {"id": "</s>", "type_id": 0}}],
                           "pair": [{"Sequence": {"id": "A", "type_id": 0}},
                                    {"SpecialToken": {"id": "</s>", "type_id": 0}},
                                    {"Sequence": {"id": "B", "type_id": 0}},
                                    {"SpecialToken": {"id": "</s>", "type_id": 0}}],
                           "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}},
        "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        "model": {"type": "Unigram", "unk_id": 2, "vocab": vocab, "byte_fallback": False},
    }


def write(path, value):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(value, f, ensure_ascii=False)


def main(name, out):
    shape = SHAPES[name]
    os.makedirs(out, exist_ok=True)
    tensors = weights(shape)
    save_file(tensors, os.path.join(out, "model.safetensors"), {"format": "pt"})
    write(os.path.join(out, "config.json"), {
        "architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "is_encoder_decoder": True,
        "num_decoder_layers": shape["num_layers"], "relative_attention_num_buckets": 32,
        "relative_attention_max_distance": 128, "layer_norm_epsilon": 1e-6, "dropout_rate": 0.0, "pad_token_id": 0,
        "eos_token_id": 1, "decoder_start_token_id": 0, "torch_dtype": "float32",
        "transformers_version": "4.57.6", **shape})
    write(os.path.join(out, "tokenizer.json"), tokenizer(shape["vocab_size"]))
    write(os.path.join(out, "tokenizer_config.json"), {
        "tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>",
        "model_max_length": 512})
    print(json.dumps({"shape": name, "folder": out, "parameters": sum(t.size for t in tensors.values())}))


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in SHAPES:
        raise SystemExit(f"usage: make_t5.py {'|'.join(SHAPES)} OUT")
    main(*sys.argv[1:])
