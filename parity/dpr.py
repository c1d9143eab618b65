"""
Writes test/fixtures/dpr: tiny encoders of questions and passages as transformers has DPR, one with a projection, and a
retriever as the programs of DPR and AR2 save it, with the vectors that PyTorch computes.

    python parity/dpr.py
"""
import os

import torch
import transformers as tf

from common import fresh_folder, write_json
from tiny import random_rows, randomise, save

VOCAB = 40
BERT = dict(vocab_size=VOCAB, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
            max_position_embeddings=24, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] + [f"w{i}" for i in range(VOCAB - 4)]


def folder(name, kind, seed, **more):
    path = fresh_folder("dpr", name)
    model = randomise(kind(tf.DPRConfig(**BERT, **more)), seed)
    save(model, path)
    with open(os.path.join(path, "vocab.txt"), "w") as f:
        f.write("\n".join(WORDS) + "\n")
    write_json(os.path.join(path, "tokenizer_config.json"),
               {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 24})
    rows = random_rows(torch.Generator().manual_seed(seed), (5, 9, 12), VOCAB, low=4)
    texts = [" ".join(WORDS[i] for i in row) for row in rows]
    with torch.no_grad():
        vectors = [model(input_ids=torch.tensor([[2, *row, 3]])).pooler_output[0].tolist() for row in rows]
    write_json(os.path.join(path, "expected.json"), {"texts": texts, "vectors": vectors})
    return model


def bare(model, prefix):
    """As BertModel calls them, which the native programs save."""
    own = getattr(model, "question_encoder", None) or model.ctx_encoder
    return {prefix + k: v for k, v in own.bert_model.state_dict().items()}


def container(path, tensors):
    state = {i: {"step": torch.tensor(3.0), "exp_avg": torch.zeros_like(t), "exp_avg_sq": torch.zeros_like(t)}
             for i, t in enumerate(list(tensors.values())[:2])}
    torch.save({"model_dict": tensors, "optimizer_dict": {"state": state, "param_groups": [{"lr": 1e-5, "params": [0, 1]}]},
                "scheduler_dict": {"base_lrs": [1e-5], "last_epoch": 3}, "offset": 0, "epoch": 1,
                "encoder_params": {"pretrained_model_cfg": "bert-base-uncased", "encoder_model_type": "hf_bert",
                                   "do_lower_case": True, "projection_dim": 0}}, path)


if __name__ == "__main__":
    fresh_folder("dpr")
    question = folder("question", tf.DPRQuestionEncoder, 1)
    context = folder("context", tf.DPRContextEncoder, 2)
    folder("projected", tf.DPRQuestionEncoder, 3, projection_dim=6)
    native = fresh_folder("dpr", "native")
    container(os.path.join(native, "retriever.cp"), {**bare(question, "question_model."), **bare(context, "ctx_model.")})
