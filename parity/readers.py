"""Writes test/fixtures/readers: tiny folders of sentence-transformers and of heads, with a tokenizer each, and what
sentence-transformers and transformers make of texts with them. See README.md."""
import json
import os
import shutil

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import LayerNorm, Pooling
from sentence_transformers.base.modules import Dense, Normalize, Transformer
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import (AutoTokenizer, BertConfig, BertForMaskedLM, BertForQuestionAnswering,
                          BertForTokenClassification, BertModel, LlamaConfig, LlamaForSequenceClassification,
                          LlamaModel, PreTrainedTokenizerFast)

from common import fresh_folder, write_json
from tiny import WRITER, edit_json, randomise, save

WORDS = """the a mill was built in when by burnt down and rose again near river bern ada lives snow is white warm cold
bread salt not of old house . , ? ! ' - ( ) 1 7 9 0""".split()
PIECES = ["##s", "##ed", "##ing", "##90", "##79", "##0", "##e", "##ll", "##er"]
LETTERS = list("abcdefghijklmnopqrstuvwxyz")
TEXTS = ["the mill was built", "Bread", "Ada lives in Bern, near the OLD river!", "snow is white and cold . the end",
         "salt and bread"]


def bert_tokenizer(lower=True):
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + WORDS + PIECES + [c for c in LETTERS if c not in WORDS]
    ids = {w: i for i, w in enumerate(vocab)}
    t = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=lower)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    t.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return PreTrainedTokenizerFast(tokenizer_object=t, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]",
                                   sep_token="[SEP]", mask_token="[MASK]",
                                   model_input_names=["input_ids", "token_type_ids", "attention_mask"]), len(vocab)


def byte_tokenizer(prefix=False):
    """Byte-level: letters, and words with and without the space before them."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = ["<s>", "</s>"] + alphabet
    merges = []
    for word in ("the", "mill", "bern"):
        for begin in ("\u0120", ""):
            left = begin or word[0]
            for c in word if begin else word[1:]:
                if (left, c) not in merges:
                    merges.append((left, c))
                    vocab.append(left + c)
                left += c
    t = Tokenizer(models.BPE({w: i for i, w in enumerate(vocab)}, merges))
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    t.decoder = decoders.ByteLevel()
    t.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>",
                                                     special_tokens=[("</s>", 1)])
    return t, len(vocab)


def small(vocab, **changes):
    base = dict(vocab_size=vocab, hidden_size=12, num_hidden_layers=1, num_attention_heads=3, intermediate_size=20,
                max_position_embeddings=24, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    return BertConfig(**{**base, **changes})


def llama(vocab, **changes):
    return LlamaConfig(vocab_size=vocab, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
                       num_key_value_heads=1, intermediate_size=24, max_position_embeddings=64, pad_token_id=1,
                       bos_token_id=0, eos_token_id=1, **changes)


def old_spelling(folder):
    """modules.json and the pooling's file as releases before 5 wrote them."""
    kinds = {"Transformer", "Pooling", "Dense", "Normalize"}

    def rename(modules):
        for m in modules:
            last = m["type"].split(".")[-1]
            assert last in kinds
            m["type"] = f"sentence_transformers.models.{last}"
    edit_json(os.path.join(folder, "modules.json"), rename)

    def booleans(c):
        mode = c.pop("pooling_mode")
        modes = [mode] if isinstance(mode, str) else mode
        c["word_embedding_dimension"] = c.pop("embedding_dimension")
        names = {"cls": "cls_token", "max": "max_tokens", "mean": "mean_tokens",
                 "mean_sqrt_len_tokens": "mean_sqrt_len_tokens", "weightedmean": "weightedmean_tokens",
                 "lasttoken": "lasttoken"}
        for key, name in names.items():
            c[f"pooling_mode_{name}"] = key in modes
    edit_json(os.path.join(folder, "1_Pooling", "config.json"), booleans)


def vectors(folder, cases):
    model = SentenceTransformer(folder, device="cpu")
    return [{"options": given, "vectors": model.encode(TEXTS, **python).tolist()} for given, python in cases]


def sentence(name, model, tokenizer, modules, cases, change=None, prompts=None, default=None, similarity=None,
             limit=24):
    folder = fresh_folder("readers", name)
    start = os.path.join(folder, "start")
    model.save_pretrained(start)
    tokenizer.save_pretrained(start)
    transformer = Transformer(start, max_seq_length=limit)
    st = SentenceTransformer(modules=[transformer, *modules(model.config.hidden_size)], prompts=prompts,
                             default_prompt_name=default, similarity_fn_name=similarity, device="cpu")
    torch.manual_seed(11)
    for module in list(st)[1:]:
        for p in module.parameters():
            p.data.copy_(torch.randn(p.shape) * 0.4)
    st.save(folder, create_model_card=False)
    shutil.rmtree(start)
    if change:
        change(folder)
    write_json(os.path.join(folder, "expected.json"),
               {"writer": WRITER, "texts": TEXTS, "cases": vectors(folder, cases)})


def below(folder):
    """The transformer in a folder of its own, as the first releases had it."""
    old_spelling(folder)
    inside = os.path.join(folder, "0_Transformer")
    os.makedirs(inside)
    for name in os.listdir(folder):
        if os.path.isfile(os.path.join(folder, name)) and name not in ("modules.json",
                                                                      "config_sentence_transformers.json"):
            os.rename(os.path.join(folder, name), os.path.join(inside, name))
    edit_json(os.path.join(folder, "modules.json"), lambda m: m[0].update(path="0_Transformer"))
    edit_json(os.path.join(inside, "sentence_bert_config.json"), lambda c: c.update(max_seq_length=24,
                                                                                  do_lower_case=True))


def sentences():
    tokenizer, vocab = bert_tokenizer()
    body = lambda seed, **c: randomise(BertModel(small(vocab, **c), add_pooling_layer=False), seed)  # noqa: E731
    plain = [({}, {})]
    sentence("mean", body(1), tokenizer, lambda d: [Pooling(d, "mean"), Normalize()],
             [*plain, ({"dimensions": 5}, {"truncate_dim": 5, "normalize_embeddings": True})], old_spelling)
    every = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
    sentence("joined", body(2), tokenizer, lambda d: [Pooling(d, every)], plain, old_spelling)
    sentence("dense", body(3), tokenizer,
             lambda d: [Pooling(d, ("lasttoken", "cls")), Dense(2 * d, 10), LayerNorm(10),
                        Dense(10, 7, bias=False, activation_function=torch.nn.Identity(), use_residual=True)], plain)
    cased, size = bert_tokenizer(lower=False)
    sentence("below", randomise(BertModel(small(size), add_pooling_layer=False), 4), cased,
             lambda d: [Pooling(d, "max"), Dense(d, 6, activation_function=torch.nn.ReLU()), Normalize()], plain, below)
    prompts = {"query": "when was ", "passage": "the old house : "}
    sentence("prompts", body(5), tokenizer,
             lambda d: [Pooling(d, ("mean", "weightedmean", "cls"), include_prompt=False)],
             [*plain, ({"prompt": "passage"}, {"prompt_name": "passage"}), ({"promptText": "snow "}, {"prompt": "snow "}),
              ({"promptText": ""}, {"prompt": ""})],
             prompts=prompts, default="query", similarity="dot")
    byte, size = byte_tokenizer()
    fast = PreTrainedTokenizerFast(tokenizer_object=byte, bos_token="<s>", eos_token="</s>", pad_token="</s>",
                                   padding_side="left")
    sentence("decoder", randomise(LlamaModel(llama(size)), 6, std=0.5), fast,
             lambda d: [Pooling(d, "lasttoken"), Normalize()], plain, limit=64)


def head(name, model, tokenizer, expected):
    folder = fresh_folder("readers", name)
    save(model, folder)
    tokenizer.save_pretrained(folder)
    write_json(os.path.join(folder, "expected.json"),
               {"writer": WRITER, **expected(model, AutoTokenizer.from_pretrained(folder))})


def tagged(model, tokenizer):
    rows = [["Ada", "lives", "in", "Bern", "."], ["houses", "'", "built"], ["Mill", "1790", "-", "burntlling"]]
    out = []
    for words in rows:
        given = tokenizer(words, is_split_into_words=True, return_tensors="pt")
        with torch.no_grad():
            logits = model(**given).logits[0]
        firsts = [given.word_ids().index(i) for i in range(len(words))]
        best = [model.config.id2label[int(logits[i].argmax())] for i in firsts]
        out.append({"tokens": words, "tags": best, "logits": logits[firsts].tolist()})
    return {"rows": out}


def answered(model, tokenizer):
    """Windows of the model's length that share half of their passage tokens, the best of all."""
    question = "when was the mill built ?"
    contexts = ["The mill was built in 1790 and burnt down.",
                "Ada lives near the river . " * 5 + "The mill was built in 1790 , and (again) rose by the house. " * 3]
    out = []
    for context in contexts:
        room = 24 - len(tokenizer(question, context)["input_ids"]) + len(tokenizer(context, add_special_tokens=False)["input_ids"])
        windows = tokenizer(question, context, max_length=24, truncation="only_second", stride=min(128, room // 2),
                            return_overflowing_tokens=True, return_offsets_mapping=True)
        best, none = None, None
        for w in range(len(windows["input_ids"])):
            given = {k: torch.tensor([windows[k][w]]) for k in ("input_ids", "token_type_ids", "attention_mask")}
            with torch.no_grad():
                o = model(**given)
            s, e = o.start_logits[0], o.end_logits[0]
            none = min(float(s[0] + e[0]), none if none is not None else 1e9)
            ids = windows.sequence_ids(w)
            inside = [i for i in range(len(ids)) if ids[i] == 1]
            for i in inside:
                for j in inside:
                    if i <= j < i + 30 and (best is None or float(s[i] + e[j]) > best[0]):
                        best = (float(s[i] + e[j]), windows["offset_mapping"][w][i][0],
                                windows["offset_mapping"][w][j][1])
        out.append({"question": question, "context": context, "windows": len(windows["input_ids"]),
                    "answer": context[best[1]:best[2]], "start": best[1], "end": best[2], "score": best[0],
                    "no_answer_score": none})
    return {"rows": out}


def filled(model, tokenizer):
    out = []
    for text in ["Snow is [MASK].", "[MASK] lives in bern, near[MASK]"]:
        given = tokenizer(text, return_tensors="pt")
        with torch.no_grad():
            p = model(**given).logits[0].softmax(-1)
        masks = [i for i, t in enumerate(given["input_ids"][0].tolist()) if t == tokenizer.mask_token_id]
        tops = [p[i].topk(3) for i in masks]
        out.append({"text": text, "masks": [[{"token": int(t), "piece": tokenizer.convert_ids_to_tokens(int(t)),
                                              "probability": float(v)} for v, t in zip(*top)] for top in tops]})
    return {"rows": out}


def classified(model, tokenizer):
    out = []
    for text in TEXTS:
        with torch.no_grad():
            out.append({"text": text, "logits": model(**tokenizer(text, return_tensors="pt")).logits[0].tolist()})
    with torch.no_grad():
        pair = model(**tokenizer("the mill", "Bern", return_tensors="pt")).logits[0].tolist()
    return {"rows": [*out, {"text": "the mill", "text_pair": "Bern", "logits": pair}]}


def heads():
    tokenizer, vocab = bert_tokenizer()
    names = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    labels = dict(id2label=dict(enumerate(names)), label2id={n: i for i, n in enumerate(names)})
    head("tags", randomise(BertForTokenClassification(small(vocab, **labels)), 7), tokenizer, tagged)
    head("answers", randomise(BertForQuestionAnswering(small(vocab)), 8), tokenizer, answered)
    head("masked", randomise(BertForMaskedLM(small(vocab)), 9), tokenizer, filled)
    byte, size = byte_tokenizer()
    fast = PreTrainedTokenizerFast(tokenizer_object=byte, bos_token="<s>", eos_token="</s>", pad_token="</s>")
    fast.model_input_names = ["input_ids", "attention_mask"]
    moods = dict(id2label={0: "cold", 1: "mild", 2: "warm"}, label2id={"cold": 0, "mild": 1, "warm": 2})
    head("decoder-classes", randomise(LlamaForSequenceClassification(llama(size, **moods)), 10, std=0.5), fast,
         classified)
    prefixed, size = byte_tokenizer(prefix=True)
    words = PreTrainedTokenizerFast(tokenizer_object=prefixed, eos_token="</s>", pad_token="</s>")
    # transformers asks for the space before every word; this folder's own file leaves it away, as RoBERTa's do.
    config = small(size, pad_token_id=1, max_position_embeddings=64, **labels)
    head("byte-tags", randomise(BertForTokenClassification(config), 12), words, tagged)
    folder = os.path.join(os.path.dirname(__file__), "../test/fixtures/readers/byte-tags")
    edit_json(os.path.join(folder, "tokenizer.json"), lambda t: t["pre_tokenizer"].update(add_prefix_space=False))


sentences()
heads()
