"""Writes test/fixtures/gguf: tiny GGUF files (package gguf 0.19) and what their numbers, tokens and answers are. See README.md.

    python parity/gguf_files.py [CASE ...]
"""
import json
import os
import random
import sys
import warnings

import gguf
import numpy as np
import sentencepiece
import torch
import transformers as tf
from gguf import GGMLQuantizationType as Q
from gguf import quants
from safetensors.numpy import save_file
from tokenizers import ByteLevelBPETokenizer

from common import FIXTURES, write_json
from tiny import randomise

warnings.filterwarnings("ignore")
FOLDER = os.path.join(FIXTURES, "gguf")
PLAIN = {Q.F32, Q.F16, Q.BF16}
HALVES = {Q.Q2_K: (80, 82), Q.Q3_K: (108,), Q.Q4_K: (0, 2), Q.Q5_K: (0, 2), Q.Q6_K: (208,)}
TEXTS = ["the boat rows home", "Rain, rain; 42 days\nof  rain!", "na\u00efve caf\u00e9 \U0001f30a", "<|im_start|>user\nhi<|im_end|>\n"]
CHAT = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def lines(seed=7, count=400):
    """Sentences of our own to train tokenizers on."""
    rng = random.Random(seed)
    who = ["the boat", "a gull", "the old harbour", "my neighbour", "rain", "the tide", "nobody", "a letter"]
    does = ["rows home", "waits", "comes in", "sings of salt", "counts 12 ropes", "is late again", "sleeps", "turns"]
    when = ["at dawn", "in winter", "before noon", "twice a day", "when it thunders", "without a word"]
    return [f"{rng.choice(who)} {rng.choice(does)} {rng.choice(when)}." for _ in range(count)]


def random_blocks(rng, kind, rows, cols, std):
    """Valid blocks of a K type of about this deviation: random bytes between 16-bit scales."""
    per, size = gguf.GGML_QUANT_SIZES[kind]
    b = rng.integers(0, 256, (rows * cols // per, size), dtype=np.uint8)
    wide = rng.uniform(0.5, 1.5, len(b))
    for factor in (1.0, None):
        if factor is None:
            factor = std / quants.dequantize(b.reshape(rows, -1), kind).std()
        for at in HALVES[kind]:
            b[:, at : at + 2] = (wide * factor * 1e-3).astype(np.float16).view(np.uint8).reshape(-1, 2) if factor == 1.0 else (
                b[:, at : at + 2].copy().view(np.float16).astype(np.float32) * factor
            ).astype(np.float16).view(np.uint8).reshape(-1, 2)
    return b.reshape(rows, -1)


def stored(rng, x, kind):
    """The bytes of a tensor in a type, and the numbers they stand for."""
    if kind in HALVES:
        raw = random_blocks(rng, kind, *x.shape, x.std())
    else:
        raw = x if kind == Q.F32 else quants.quantize(x, kind)
    return raw, (x if kind == Q.F32 else quants.dequantize(raw, kind).reshape(x.shape))


def every_type():
    rng = np.random.default_rng(3)
    w = gguf.GGUFWriter(os.path.join(FOLDER, "every-type.gguf"), "llama")
    w.add_custom_alignment(64)
    values = {
        "u8": 200, "i8": -5, "u16": 60000, "i16": -3000, "u32": 4000000000, "i32": -7, "f32": 0.5, "bool": True,
        "u64": 2**60 + 1, "i64": -(2**55), "f64": 1e300,
    }
    adders = {
        "u8": w.add_uint8, "i8": w.add_int8, "u16": w.add_uint16, "i16": w.add_int16, "u32": w.add_uint32,
        "i32": w.add_int32, "f32": w.add_float32, "bool": w.add_bool, "u64": w.add_uint64, "i64": w.add_int64,
        "f64": w.add_float64,
    }
    for name, value in values.items():
        adders[name](f"a.{name}", value)
    w.add_string("a.text", "gr\u00fc\u00df")
    w.add_array("a.texts", ["one", "", "three"])
    w.add_array("a.ints", [3, 1, 2])
    w.add_array("a.floats", [0.25, -1.5])
    w.add_array("a.bools", [True, False, True])
    expected = {}
    kinds = [Q.F32, Q.F16, Q.BF16, Q.Q8_0, Q.Q4_0, Q.Q4_1, Q.Q5_0, Q.Q5_1, Q.Q2_K, Q.Q3_K, Q.Q4_K, Q.Q5_K, Q.Q6_K]
    for kind in kinds:
        x = rng.normal(size=(2, 256)).astype(np.float32)
        raw, numbers = stored(rng, x, kind)
        w.add_tensor(kind.name.lower(), raw, raw_dtype=None if kind in PLAIN - {Q.BF16} else kind)
        expected[kind.name.lower()] = np.ascontiguousarray(numbers.astype(np.float32))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    save_file(expected, os.path.join(FOLDER, "every-type.safetensors"))


def byte_pairs(w, vocab):
    """A byte-level vocabulary of our own, with three control tokens at its end; its trained tokenizer."""
    t = ByteLevelBPETokenizer()
    t.train_from_iterator(lines(), vocab_size=vocab - 3, show_progress=False)
    j = json.loads(t.to_str())
    tokens = [k for k, _ in sorted(j["model"]["vocab"].items(), key=lambda item: item[1])]
    merges = [m if isinstance(m, str) else " ".join(m) for m in j["model"]["merges"]]
    tokens += ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    n = len(tokens)
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("gpt-2")
    w.add_token_list(tokens)
    w.add_token_types([1] * (n - 3) + [3] * 3)
    w.add_token_merges(merges)
    w.add_bos_token_id(n - 3)
    w.add_eos_token_id(n - 3)
    w.add_pad_token_id(n - 3)
    w.add_add_bos_token(False)
    w.add_chat_template(CHAT)
    t.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    return [{"text": text, "ids": t.encode(text, add_special_tokens=False).ids} for text in TEXTS], n


def pieces(w, vocab, kind):
    """A SentencePiece vocabulary of our own; what its library makes of texts."""
    source = os.path.join(FOLDER, "words.txt")
    with open(source, "w") as f:
        f.write("\n".join(lines()))
    prefix = os.path.join(FOLDER, "words")
    rules = os.path.join(FOLDER, "rules.tsv")
    with open(rules, "w") as f:
        # Large letters to small ones, and a letter with its accent to the letter: a small table of each kind of entry.
        f.write("".join(f"{65 + i:X}\t{97 + i:X}\n" for i in range(26)) + "EF\t69\nE9\t65\n2126\t6F 6D 65 67 61\n")
    extra = dict(byte_fallback=True, normalization_rule_name="identity") if kind == "bpe" else dict(normalization_rule_tsv=rules)
    sentencepiece.SentencePieceTrainer.train(
        input=source, model_prefix=prefix, vocab_size=vocab, model_type=kind, hard_vocab_limit=False,
        remove_extra_whitespaces=kind != "bpe",
        user_defined_symbols=["<turn>"] if kind == "bpe" else [], minloglevel=2, **extra,
    )
    sp = sentencepiece.SentencePieceProcessor(model_file=prefix + ".model")
    from sentencepiece import sentencepiece_model_pb2 as proto

    m = proto.ModelProto()
    m.ParseFromString(open(prefix + ".model", "rb").read())
    for name in (source, rules, prefix + ".model", prefix + ".vocab"):
        os.remove(name)
    w.add_tokenizer_model("llama" if kind == "bpe" else "t5")
    w.add_tokenizer_pre("default")
    w.add_token_list([p.piece for p in m.pieces])
    w.add_token_scores([p.score for p in m.pieces])
    w.add_token_types([p.type for p in m.pieces])
    w.add_unk_token_id(sp.unk_id())
    w.add_bos_token_id(sp.bos_id())
    w.add_eos_token_id(sp.eos_id())
    if kind == "unigram":
        w.add_precompiled_charsmap(m.normalizer_spec.precompiled_charsmap)
        w.add_remove_extra_whitespaces(True)
        w.add_add_space_prefix(True)
    texts = [t for t in TEXTS if not t.startswith("<|")] + ["  two  spaces", "tide<turn>tide"]
    ends = [[sp.bos_id()], []] if kind == "bpe" else [[], [sp.eos_id()]]
    return [{"text": t, "ids": ends[0] + sp.encode(t) + ends[1]} for t in texts], len(m.pieces)


def word_pieces(w):
    whole = ["the", "boat", "rain", "caf", "row", "naive", "42", ",", ";", "!", "a", "h"]
    on = ["s", "e", "y", "om", "##"]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    w.add_tokenizer_model("bert")
    w.add_tokenizer_pre("default")
    w.add_token_list(special + ["\u2581" + p for p in whole] + on)
    w.add_token_types([3] * 5 + [1] * (len(whole) + len(on)))
    for id, add in enumerate([w.add_pad_token_id, w.add_unk_token_id, w.add_bos_token_id, w.add_sep_token_id]):
        add(id)
    w.add_key_value("tokenizer.ggml.cls_token_id", 2, gguf.GGUFValueType.UINT32)
    w.add_mask_token_id(4)
    n = len(special) + len(whole) + len(on)
    # By hand: the longest piece first, small letters without accents, an unknown word whole.
    ids = {p: i for i, p in enumerate(special + whole + ["##" + p for p in on])}
    by_hand = {
        "The boats rain": ["the", "boat", "##s", "rain"],
        "caf\u00e9, na\u00efve!": ["caf", "##e", ",", "naive", "!"],
        "rowy zebra 42": ["row", "##y", "[UNK]", "42"],
        "h;home": ["h", ";", "h", "##om", "##e"],
    }
    rows = [{"text": t, "ids": [2] + [ids[p] for p in found] + [3]} for t, found in by_hand.items()]
    return rows, n


def swapped(x, heads):
    """Rows of queries and keys as the converter stores Llama's: the two halves of a head interleaved."""
    return x.reshape(heads, 2, x.shape[0] // heads // 2, *x.shape[1:]).swapaxes(1, 2).reshape(x.shape)


def regrouped(x, heads):
    """[heads, 3, k] to [3, heads, k]."""
    return x.reshape(heads, 3, -1, *x.shape[1:]).swapaxes(0, 1).reshape(x.shape)


DECODER = dict(num_hidden_layers=2, hidden_size=32, num_attention_heads=4, num_key_value_heads=2, head_dim=16, intermediate_size=256,
               max_position_embeddings=64, rms_norm_eps=1e-5, bos_token_id=None, eos_token_id=None, pad_token_id=None)


def gated(w, c):
    w.add_embedding_length(c.hidden_size)
    w.add_feed_forward_length(c.intermediate_size)
    w.add_head_count(c.num_attention_heads)
    w.add_head_count_kv(c.num_key_value_heads)
    w.add_key_length(c.head_dim)
    w.add_value_length(c.head_dim)
    w.add_layer_norm_rms_eps(c.rms_norm_eps)
    w.add_context_length(c.max_position_embeddings)
    w.add_block_count(c.num_hidden_layers)
    w.add_rope_dimension_count(c.head_dim)


def llama(w, vocab):
    c = tf.LlamaConfig(**DECODER, vocab_size=vocab, tie_word_embeddings=True, rope_theta=500.0)
    gated(w, c)
    w.add_rope_freq_base(500.0)
    return tf.LlamaForCausalLM(c)


def llama3(w, vocab):
    rope = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32)
    c = tf.LlamaConfig(**{**DECODER, "max_position_embeddings": 256, "intermediate_size": 64}, vocab_size=vocab, tie_word_embeddings=False, rope_theta=10000.0, rope_scaling=rope,
                       attention_bias=True)
    gated(w, c)
    w.add_rope_freq_base(10000.0)
    model = tf.LlamaForCausalLM(c)
    plain = 1.0 / (10000.0 ** (np.arange(0, 16, 2) / 16))
    w.add_tensor("rope_freqs.weight", (plain / model.model.rotary_emb.inv_freq.numpy()).astype(np.float32))
    return model


def qwen2(w, vocab):
    c = tf.Qwen2Config(**{**DECODER, "head_dim": 8, "intermediate_size": 64}, vocab_size=vocab, tie_word_embeddings=True, rope_theta=1e6)
    gated(w, c)
    w.add_rope_freq_base(1e6)
    return tf.Qwen2ForCausalLM(c)


def qwen3(w, vocab):
    c = tf.Qwen3Config(**DECODER, vocab_size=vocab, tie_word_embeddings=False, rope_theta=1e6)
    gated(w, c)
    w.add_rope_freq_base(1e6)
    return tf.Qwen3ForCausalLM(c)


def phi3(w, vocab):
    c = tf.Phi3Config(**{**DECODER, "head_dim": 8}, vocab_size=vocab, tie_word_embeddings=False, sliding_window=None)
    gated(w, c)
    return tf.Phi3ForCausalLM(c)


def gemma3(w, vocab):
    c = tf.Gemma3TextConfig(**{**DECODER, "intermediate_size": 64}, vocab_size=vocab, sliding_window=8, sliding_window_pattern=6, query_pre_attn_scalar=16)
    gated(w, c)
    w.add_rope_freq_base(1e6)
    w.add_sliding_window(8)
    return tf.Gemma3ForCausalLM(c)


def gpt2(w, vocab):
    c = tf.GPT2Config(vocab_size=vocab, n_positions=64, n_embd=32, n_layer=2, n_head=4, bos_token_id=None, eos_token_id=None)
    w.add_embedding_length(32)
    w.add_feed_forward_length(128)
    w.add_head_count(4)
    w.add_layer_norm_eps(1e-5)
    w.add_context_length(64)
    w.add_block_count(2)
    return tf.GPT2LMHeadModel(c)


def gptneox(w, vocab):
    c = tf.GPTNeoXConfig(vocab_size=vocab, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
                         max_position_embeddings=64, rotary_pct=0.5, bos_token_id=None, eos_token_id=None)
    w.add_embedding_length(32)
    w.add_feed_forward_length(64)
    w.add_head_count(2)
    w.add_layer_norm_eps(1e-5)
    w.add_context_length(64)
    w.add_block_count(2)
    w.add_rope_dimension_count(8)
    w.add_parallel_residual(True)
    return tf.GPTNeoXForCausalLM(c)


def bert(w, vocab):
    c = tf.BertConfig(vocab_size=vocab, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
                      max_position_embeddings=40, type_vocab_size=2)
    w.add_embedding_length(32)
    w.add_feed_forward_length(64)
    w.add_head_count(4)
    w.add_layer_norm_eps(1e-12)
    w.add_context_length(40)
    w.add_block_count(2)
    w.add_causal_attention(False)
    w.add_pooling_type(gguf.PoolingType.CLS)
    return tf.BertModel(c, add_pooling_layer=False)


def t5(w, vocab):
    c = tf.T5Config(vocab_size=vocab, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_decoder_layers=2, num_heads=4,
                    feed_forward_proj="gated-gelu", tie_word_embeddings=False, decoder_start_token_id=0)
    w.add_embedding_length(32)
    w.add_feed_forward_length(64)
    w.add_head_count(4)
    w.add_key_length(8)
    w.add_value_length(8)
    w.add_layer_norm_eps(1e-6)
    w.add_layer_norm_rms_eps(1e-6)
    w.add_relative_attn_buckets_count(32)
    w.add_decoder_start_token_id(0)
    w.add_context_length(64)
    w.add_block_count(2)
    # transformers 5 turns it into scale_decoder_outputs and ties the matrices all the same.
    c.tie_word_embeddings = False
    model = tf.T5ForConditionalGeneration(c)
    model.config.tie_word_embeddings = False
    return model


MIXED = [Q.Q4_1, Q.Q8_0, Q.Q4_0, Q.Q5_0, Q.Q5_1]
# Name: how it is configured, tokenizer and its size, types of matrices in turn, seed.
CASES = {
    "llama": (llama, "gpt2", 290, [Q.Q8_0, Q.Q4_1, Q.Q4_0, Q.F16], 5),
    "llama3": (llama3, "llama", 300, [Q.Q4_1, Q.Q8_0, Q.Q5_1, Q.BF16], 6),
    "qwen2": (qwen2, "gpt2", 270, MIXED, 11),
    "qwen3": (qwen3, "gpt2", 270, MIXED, 12),
    "phi3": (phi3, "gpt2", 270, MIXED, 13),
    "gemma3": (gemma3, "gpt2", 270, MIXED, 14),
    "gpt2": (gpt2, "gpt2", 270, MIXED, 15),
    "gptneox": (gptneox, "gpt2", 270, MIXED, 16),
    "bert": (bert, "bert", 0, [Q.Q8_0, Q.Q4_1, Q.F16], 17),
    "t5": (t5, "t5", 60, MIXED, 19),
}
# What transformers itself reads as we do: it knows no head width of Qwen 3, no BERT and no GPT-NeoX in such
# files, and leaves the words of a T5's stacks as they began where its head is not tied.
WHOLE = {"llama", "llama3", "qwen2", "phi3", "gemma3", "gpt2"}


def names_of(arch, config, model):
    """From transformers' names to those of the file."""
    blocks = getattr(config, "num_hidden_layers", None) or config.num_layers
    which = next(k for k, v in gguf.MODEL_ARCH_NAMES.items() if v == arch)
    table = gguf.get_tensor_name_map(which, blocks)
    prefix = "" if arch == "t5" else model.base_model_prefix + "."
    for name in model.state_dict():
        stem, _, end = name.rpartition(".")
        tries = [stem, stem.removeprefix(prefix), "bert." + stem]
        found = next((t for t in (table.get_name(x) for x in tries) if t), None)
        if found and not (arch == "t5" and name.endswith("embed_tokens.weight")):
            yield name, f"{found}.{end}"


def changed(arch, config, name, x):
    """What convert_hf_to_gguf.py does to a tensor."""
    if arch == "llama" and ".attn_q." in name:
        return swapped(x, config.num_attention_heads)
    if arch == "llama" and ".attn_k." in name:
        return swapped(x, config.num_key_value_heads)
    if arch == "gemma3" and name.endswith("norm.weight"):
        return x + 1
    if arch == "gpt2" and x.ndim == 2 and "blk" in name:
        return x.T
    if arch == "gptneox" and ".attn_qkv." in name:
        return regrouped(x, config.num_attention_heads)
    return x


def undone(arch, config, name, x):
    if arch == "llama" and (".attn_q." in name or ".attn_k." in name):
        heads = config.num_attention_heads if ".attn_q." in name else config.num_key_value_heads
        return x.reshape(heads, x.shape[0] // heads // 2, 2, *x.shape[1:]).swapaxes(1, 2).reshape(x.shape)
    if arch == "gemma3" and name.endswith("norm.weight"):
        return x - 1
    if arch == "gpt2" and x.ndim == 2 and "blk" in name:
        return x.T
    if arch == "gptneox" and ".attn_qkv." in name:
        return x.reshape(3, config.num_attention_heads, -1, *x.shape[1:]).swapaxes(0, 1).reshape(x.shape)
    return x


def model_case(name):
    make, tokenizer, vocab, kinds, seed = CASES[name]
    arch = "llama" if name.startswith("llama") else name
    rng = np.random.default_rng(seed)
    path = os.path.join(FOLDER, f"{name}.gguf")
    w = gguf.GGUFWriter(path, arch)
    w.add_name(f"tiny {name}")
    w.add_quantization_version(2)
    if tokenizer == "gpt2":
        texts, vocab = byte_pairs(w, vocab)
    elif tokenizer == "bert":
        texts, vocab = word_pieces(w)
    else:
        texts, vocab = pieces(w, vocab, "bpe" if tokenizer == "llama" else "unigram")
    torch.manual_seed(seed)
    model = randomise(make(w, vocab), seed, std=0.25)
    if name == "gemma3":
        with torch.no_grad():
            for key, p in model.named_parameters():
                if "norm" in key:
                    p -= 1
    config = model.config
    state = model.state_dict()
    types = {}
    i = 0
    for own, there in names_of(arch, config, model):
        if own == "lm_head.weight" and getattr(config, "tie_word_embeddings", False):
            continue
        x = np.ascontiguousarray(changed(arch, config, there, state[own].numpy().astype(np.float32)))
        small = x.ndim == 1 or "position" in there or "token_types" in there or "rel_b" in there
        kind = Q.F32 if small else kinds[i % len(kinds)]
        i += 0 if small else 1
        # Rows of 256 can be in blocks of 256.
        if name == "llama" and there.endswith("ffn_down.weight"):
            kind = Q.Q4_K if ".0." in there else Q.Q6_K
        if name == "qwen3" and there.endswith("ffn_down.weight"):
            kind = [Q.Q2_K, Q.Q3_K][int(".0." in there)]
        if name == "phi3" and there.endswith("ffn_down.weight"):
            kind = Q.Q5_K
        if name == "llama" and there == "token_embd.weight":
            kind = Q.Q8_0
        raw, numbers = stored(rng, x, kind)
        w.add_tensor(there, raw, raw_dtype=None if kind in PLAIN - {Q.BF16} else kind)
        types[there] = kind.name
        state[own].copy_(torch.from_numpy(np.ascontiguousarray(undone(arch, config, there, numbers).astype(np.float32))))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    for stack in ("encoder", "decoder"):
        if f"{stack}.embed_tokens.weight" in state:
            state[f"{stack}.embed_tokens.weight"].copy_(state["shared.weight"])
    model.load_state_dict(state)
    model.tie_weights()
    model.eval()
    if name in WHOLE:
        other = type(model).from_pretrained(FOLDER, gguf_file=f"{name}.gguf", config=config, dtype=torch.float32).eval()
        mine = model.state_dict()
        for key, value in other.state_dict().items():
            assert torch.equal(value, mine[key]), f"{name}: transformers reads another {key}"
    g = torch.Generator().manual_seed(seed)
    rows = [torch.randint(5, vocab, (n,), generator=g).tolist() for n in (6, 11)]
    if arch == "bert":
        rows = [t["ids"] for t in texts]
    out = []
    with torch.no_grad():
        for row in rows:
            given = torch.tensor([row])
            if arch == "bert":
                out.append({"ids": row, "hidden": model(given).last_hidden_state[0, 0].double().round(decimals=6).tolist()})
                continue
            start = {"decoder_input_ids": torch.tensor([[0]])} if arch == "t5" else {}
            logits = model(given, **start).logits[0, -1]
            answer = []
            for _ in range(12):
                if arch == "t5":
                    step = model(given, decoder_input_ids=torch.tensor([[0, *answer]])).logits[0, -1]
                else:
                    step = model(torch.tensor([row + answer])).logits[0, -1]
                top = torch.topk(step, 2)
                assert top.values[0] - top.values[1] > 2e-3, (name, "a near tie: choose another seed")
                answer.append(int(top.indices[0]))
            out.append({"ids": row, "last_logits": [round(v, 6) for v in logits.tolist()], "greedy": answer})
    write_json(os.path.join(FOLDER, f"{name}.json"), {
        "written_by": f"gguf {gguf.__version__ if hasattr(gguf, '__version__') else ''}, transformers {tf.__version__}",
        "types": types, "texts": texts, "rows": out})


if __name__ == "__main__":
    os.makedirs(FOLDER, exist_ok=True)
    wanted = sys.argv[1:] or ["every-type", *CASES]
    for case in wanted:
        every_type() if case == "every-type" else model_case(case)
        print(case, flush=True)
