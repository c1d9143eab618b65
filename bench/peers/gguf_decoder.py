"""A decoder's folder as a GGUF file for llama.cpp, in Q8_0 or Q4_0: python gguf_decoder.py FOLDER q8_0|q4_0|f32 OUT

Rows of queries and keys stay as they are: with random weights it is the time that is compared, not the text. In Q4_0
the table of words is in Q8_0, which is nearest to the Q6_K that llama.cpp's own conversion gives it.
"""
import json
import os
import sys

import gguf
from gguf import GGMLQuantizationType as Kind
from gguf.quants import quantize
from safetensors import safe_open

folder, dtype, out = sys.argv[1:]
with open(os.path.join(folder, "config.json"), encoding="utf-8") as f:
    c = json.load(f)
arch = c["model_type"]
kind = {"q8_0": Kind.Q8_0, "q4_0": Kind.Q4_0, "f32": Kind.F32}[dtype]
writer = gguf.GGUFWriter(f"{out}.tmp", arch)
writer.add_context_length(c["max_position_embeddings"])
writer.add_embedding_length(c["hidden_size"])
writer.add_feed_forward_length(c["intermediate_size"])
writer.add_block_count(c["num_hidden_layers"])
writer.add_head_count(c["num_attention_heads"])
writer.add_head_count_kv(c["num_key_value_heads"])
writer.add_key_length(c["head_dim"])
writer.add_value_length(c["head_dim"])
writer.add_layer_norm_rms_eps(c["rms_norm_eps"])
writer.add_rope_freq_base(c["rope_theta"])
writer.add_rope_dimension_count(c["head_dim"])
writer.add_vocab_size(c["vocab_size"])
words = c["vocab_size"]
writer.add_tokenizer_model("llama")
single = [f"<0x{n:02X}>".encode() for n in range(256)]
writer.add_token_list([b"<unk>", b"</s>", *single] + [f"w{n}".encode() for n in range(258, words)])
writer.add_token_scores([0.0] * words)
writer.add_token_types([2, 3] + [6] * 256 + [1] * (words - 258))
writer.add_bos_token_id(1)
writer.add_eos_token_id(1)
names = gguf.get_tensor_name_map(getattr(gguf.MODEL_ARCH, arch.upper()), c["num_hidden_layers"])
with safe_open(os.path.join(folder, "model.safetensors"), "np") as tensors:
    for name in tensors.keys():
        values = tensors.get_tensor(name).astype("float32")
        target = names.get_name(name, try_suffixes=(".weight",))
        if values.ndim < 2 or kind == Kind.F32:
            writer.add_tensor(target, values)
            continue
        own = Kind.Q8_0 if "embed_tokens" in name else kind
        writer.add_tensor(target, quantize(values, own), raw_dtype=own)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
os.replace(f"{out}.tmp", out)
