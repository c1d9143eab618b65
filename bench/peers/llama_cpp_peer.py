"""llama.cpp as a benchmark peer, through the C functions that llama-cpp-python exposes: one JSON line per measurement.

    python llama_cpp_peer.py FOLDER [--threads 2] [--dtype q8_0|q4_0|f32] [--measure encoder,decode,first_token]

Writes the folder once as GGUF, FOLDER.DTYPE.gguf beside it, quantised by its own llama_model_quantize. `decode` is
greedy steps with its key-value cache, 64 at batch 1 and 8 at batch 8: of the cross-attention it keeps the encoder's
output and computes keys and values again at every step, which is nearly all of a step and takes long. No training.
"""
import ctypes
import functools
import importlib.util
import json
import os
import sys
import types
from importlib.metadata import version

import numpy as np
from measure import PROMPT, arguments, ids, parent, report, timed

args = arguments(["encoder", "decode", "first_token"], ["q8_0", "q4_0", "f32"])
FILE_TYPES = {"f32": 0, "q4_0": 2, "q8_0": 7}
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED = 1, 2, 3, 4, 5
root = os.path.normpath(args.folder)
target = f"{root}.{args.dtype}.gguf"


@functools.cache
def library():
    """The module of C functions, without the package around it: its start is not llama.cpp's."""
    package = types.ModuleType("llama_cpp")
    package.__path__ = importlib.util.find_spec("llama_cpp").submodule_search_locations
    sys.modules["llama_cpp"] = package
    import llama_cpp.llama_cpp as c

    c.llama_backend_init()
    c.llama_log_set(quiet(c), None)
    return c


def quiet(c):
    quiet.callback = c.llama_log_callback(lambda level, text, data: None)  # Kept: C calls it later.
    return quiet.callback


def vocabulary(size):
    with open(os.path.join(root, "tokenizer.json"), encoding="utf-8") as f:
        tokenizer = json.load(f)
    pieces = tokenizer["model"]["vocab"]
    special = {token["content"] for token in tokenizer["added_tokens"]}
    kinds = [UNKNOWN if n == tokenizer["model"]["unk_id"] else CONTROL if n < 2 else
             USER_DEFINED if piece in special else NORMAL for n, (piece, _) in enumerate(pieces)]
    missing = size - len(pieces)
    return ([p.encode() for p, _ in pieces] + [f"[PAD{n}]".encode() for n in range(missing)],
            [float(s) for _, s in pieces] + [-10000.0] * missing, kinds + [UNUSED] * missing)


def write_gguf(path):
    """All weights in fp32 under llama.cpp's names."""
    import gguf
    from safetensors import safe_open

    with open(os.path.join(root, "config.json"), encoding="utf-8") as f:
        config = json.load(f)
    writer = gguf.GGUFWriter(path, "t5")
    writer.add_context_length(512)
    writer.add_embedding_length(config["d_model"])
    writer.add_feed_forward_length(config["d_ff"])
    writer.add_block_count(config["num_layers"])
    writer.add_decoder_block_count(config["num_decoder_layers"])
    writer.add_head_count(config["num_heads"])
    writer.add_key_length(config["d_kv"])
    writer.add_value_length(config["d_kv"])
    writer.add_layer_norm_eps(config["layer_norm_epsilon"])
    writer.add_layer_norm_rms_eps(config["layer_norm_epsilon"])
    writer.add_relative_attn_buckets_count(config["relative_attention_num_buckets"])
    writer.add_decoder_start_token_id(config["decoder_start_token_id"])
    writer.add_file_type(FILE_TYPES["f32"])
    tokens, scores, kinds = vocabulary(config["vocab_size"])
    writer.add_tokenizer_model("t5")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_add_space_prefix(True)
    writer.add_remove_extra_whitespaces(True)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.T5, max(config["num_layers"], config["num_decoder_layers"]))
    with safe_open(os.path.join(root, "model.safetensors"), "np") as tensors:
        for name in tensors.keys():
            writer.add_tensor(names.get_name(name, try_suffixes=(".weight",)), tensors.get_tensor(name))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def convert():
    """Under another name first: a file of the right name is whole."""
    whole, made = f"{target}.f32.tmp", f"{target}.tmp"
    write_gguf(whole)
    if args.dtype != "f32":
        c = library()
        params = c.llama_model_quantize_default_params()
        params.nthread = args.threads
        params.ftype = FILE_TYPES[args.dtype]
        if c.llama_model_quantize(whole.encode(), made.encode(), ctypes.byref(params)) != 0:
            raise SystemExit("llama_model_quantize failed")
        os.remove(whole)
        whole = made
    os.replace(whole, target)


def load(batch):
    c = library()
    params = c.llama_model_default_params()
    params.n_gpu_layers = 0
    model = c.llama_model_load_from_file(target.encode(), params)
    options = c.llama_context_default_params()
    # The encoder takes all rows at once, and a batch is never larger than the context.
    options.n_ctx = options.n_batch = options.n_ubatch = batch * 256
    options.n_seq_max = batch
    options.kv_unified = True  # Its relative positions know one buffer for all rows only.
    options.n_threads = options.n_threads_batch = args.threads
    context = c.llama_init_from_model(model, options)
    if not context:
        raise SystemExit("no context")
    return c, model, context


def batch_of(c, rows, first):
    """Rows of tokens at positions from `first`, a sequence each; scores of every row's last token."""
    batch = c.llama_batch_init(sum(map(len, rows)), 0, 1)
    for row, tokens in enumerate(rows):
        for n, token in enumerate(tokens):
            at = batch.n_tokens
            batch.token[at], batch.pos[at], batch.logits[at] = token, first + n, n == len(tokens) - 1
            batch.n_seq_id[at], batch.seq_id[at][0] = 1, row
            batch.n_tokens += 1
    return batch


def run(c, function, context, rows, first=0):
    batch = batch_of(c, rows, first)
    if function(context, batch) != 0:
        raise SystemExit("llama.cpp could not run the batch")
    c.llama_batch_free(batch)


def scores(c, model, context, row):
    words = c.llama_vocab_n_tokens(c.llama_model_get_vocab(model))
    return np.ctypeslib.as_array(c.llama_get_logits_ith(context, row), shape=(words,))


def greedy(c, model, context, batch, steps):
    c.llama_memory_clear(c.llama_get_memory(context), True)
    tokens = [[0] for _ in range(batch)]
    for step in range(steps):
        run(c, c.llama_decode, context, tokens, step)
        for row in range(batch):
            likely = scores(c, model, context, row)
            likely[1] = -np.inf
            tokens[row] = [int(likely.argmax())]
    return tokens


def encoder():
    c, model, context = load(1)
    rows = ids(1, 256, c.llama_vocab_n_tokens(c.llama_model_get_vocab(model)))
    report(timed(lambda: run(c, c.llama_encode, context, rows), args.repeats), batch=1, tokens=256)


def decode():
    for batch in args.batch:
        c, model, context = load(batch)
        run(c, c.llama_encode, context, ids(batch, 256, c.llama_vocab_n_tokens(c.llama_model_get_vocab(model))))
        steps = 64 // batch
        times = timed(lambda: greedy(c, model, context, batch, steps), max(min(3, args.repeats), args.repeats - 2))
        report(times, per=steps, batch=batch, steps=steps, encoder_tokens=256)


def first_token():
    c, model, context = load(1)
    text, room = PROMPT.encode(), (ctypes.c_int32 * 256)()
    count = c.llama_tokenize(c.llama_model_get_vocab(model), text, len(text), room, 256, True, False)
    run(c, c.llama_encode, context, [room[:count]])
    (token,) = greedy(c, model, context, 1, 1)[0]
    report([0.0], token=token, tokens=count)


if args.child:
    {"encoder": encoder, "decode": decode, "first_token": first_token}[args.child]()
else:
    if not os.path.exists(target):
        convert()
    if not args.prepare:
        parent(args, "llama.cpp", version("llama_cpp_python"))
