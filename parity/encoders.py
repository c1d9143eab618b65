"""
Writes test/fixtures/encoders: tiny relatives of BERT, a head each, and what transformers computes. See README.md.
A case that is stored in bfloat16 is computed in float32 from the stored numbers.
"""
import json
import os
import sys

import torch
import transformers as tf
from safetensors.torch import load_file, save_file

from bert import scores_of, target_of, types_of
from common import fresh_folder, pad, write_json
from tiny import WRITER, edit_json, random_rows, randomise, save, train

VOCAB = 48
LENGTHS = [(7, 4, 10, 3), (5, 9, 2, 8)]
NAMES = {0: "no", 1: "perhaps", 2: "yes"}
SINGLE = dict(id2label=NAMES, label2id={v: k for k, v in NAMES.items()})
BERT = dict(vocab_size=VOCAB, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
            hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, classifier_dropout=0.0)
ROBERTA = dict(BERT, max_position_embeddings=24, type_vocab_size=1, layer_norm_eps=1e-5)
DISTIL = dict(vocab_size=VOCAB, dim=16, n_layers=2, n_heads=4, hidden_dim=24, max_position_embeddings=20, dropout=0.0,
              attention_dropout=0.0, qa_dropout=0.0, seq_classif_dropout=0.0)
ELECTRA = dict(BERT, embedding_size=12, max_position_embeddings=20, summary_last_dropout=0.0)
ROPE = {"full_attention": {"rope_type": "default", "rope_theta": 160000.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}
MODERN = dict(vocab_size=VOCAB, hidden_size=16, intermediate_size=20, num_hidden_layers=4, num_attention_heads=2,
              max_position_embeddings=64, local_attention=6, pad_token_id=0, bos_token_id=1, eos_token_id=2,
              cls_token_id=1, sep_token_id=2, rope_parameters=ROPE)
V3 = dict(BERT, max_position_embeddings=20, type_vocab_size=0, relative_attention=True, position_buckets=8,
          max_relative_positions=-1, norm_rel_ebd="layer_norm", share_att_key=True, pos_att_type=["p2c", "c2p"],
          position_biased_input=False, pooler_dropout=0.0)
# As little as possible as v3 has it.
V2 = dict(V3, position_buckets=-1, max_relative_positions=6, norm_rel_ebd="none", share_att_key=False,
          pos_att_type="c2p", position_biased_input=True, type_vocab_size=2, legacy=False)

# class, what its config says, head, kinds of texts; trained: an optimizer; bf16: stored so
CASES = {
    "roberta-masked": (tf.RobertaForMaskedLM, ROBERTA, "masked", 0),
    "roberta-sequence": (tf.RobertaForSequenceClassification, dict(ROBERTA, **SINGLE), "sequence", 0),
    "roberta-choice": (tf.RobertaForMultipleChoice, dict(ROBERTA, type_vocab_size=2), "choice", 2),
    "xlm-roberta-tokens": (tf.XLMRobertaForTokenClassification, dict(ROBERTA, num_labels=5), "tokens", 0),
    "camembert-span": (tf.CamembertForQuestionAnswering, ROBERTA, "span", 0),
    "distilbert-masked": (tf.DistilBertForMaskedLM, DISTIL, "masked", 0),
    "distilbert-sequence": (tf.DistilBertForSequenceClassification, dict(DISTIL, activation="relu", **SINGLE),
                            "sequence", 0),
    "distilbert-tokens": (tf.DistilBertForTokenClassification, dict(DISTIL, num_labels=5), "tokens", 0),
    "distilbert-span": (tf.DistilBertForQuestionAnswering, DISTIL, "span", 0),
    "distilbert-choice": (tf.DistilBertForMultipleChoice, DISTIL, "choice", 0),
    "electra-masked": (tf.ElectraForMaskedLM, ELECTRA, "masked", 2),
    "electra-discriminator": (tf.ElectraForPreTraining, ELECTRA, "discriminator", 2),
    "electra-sequence": (tf.ElectraForSequenceClassification, dict(ELECTRA, **SINGLE), "sequence", 2),
    "electra-choice": (tf.ElectraForMultipleChoice, dict(ELECTRA, embedding_size=16), "choice", 2),
    "mpnet-masked": (tf.MPNetForMaskedLM, dict(BERT, max_position_embeddings=64), "masked", 0),
    "mpnet-sequence": (tf.MPNetForSequenceClassification, dict(BERT, max_position_embeddings=24, **SINGLE),
                       "sequence", 0),
    "mpnet-choice": (tf.MPNetForMultipleChoice, dict(BERT, max_position_embeddings=24), "choice", 0),
    "mpnet-bare": (tf.MPNetModel, dict(BERT, max_position_embeddings=24), None, 0),
    "modernbert-masked": (tf.ModernBertForMaskedLM, MODERN, "masked", 0),
    "modernbert-sequence": (tf.ModernBertForSequenceClassification, dict(MODERN, classifier_pooling="mean", **SINGLE),
                            "sequence", 0),
    "modernbert-tokens": (tf.ModernBertForTokenClassification,
                          dict(MODERN, num_labels=5, norm_bias=True, attention_bias=True, mlp_bias=True,
                               classifier_bias=True, classifier_activation="relu", num_hidden_layers=2,
                               layer_types=["sliding_attention", "full_attention"]), "tokens", 0),
    "modernbert-span": (tf.ModernBertForQuestionAnswering, dict(MODERN, num_hidden_layers=2), "span", 0),
    "modernbert-choice": (tf.ModernBertForMultipleChoice,
                          dict(MODERN, num_hidden_layers=2, classifier_pooling="mean"), "choice", 0),
    "deberta-masked": (tf.DebertaV2ForMaskedLM, V3, "masked", 0),
    "deberta-masked-v2": (tf.DebertaV2ForMaskedLM, V2, "masked", 2),
    "deberta-sequence": (tf.DebertaV2ForSequenceClassification, dict(V3, **SINGLE), "sequence", 0),
    "deberta-tokens": (tf.DebertaV2ForTokenClassification,
                       dict(V3, num_labels=5, share_att_key=False, pos_att_type=["p2c"]), "tokens", 0),
    "deberta-span": (tf.DebertaV2ForQuestionAnswering, dict(V3, relative_attention=False, norm_rel_ebd="none"),
                     "span", 0),
    "deberta-choice": (tf.DebertaV2ForMultipleChoice, dict(V3, embedding_size=12), "choice", 0),
    "deberta-bare": (tf.DebertaV2Model, V3, None, 0),
}
BF16 = {"roberta-choice", "distilbert-choice", "electra-choice", "mpnet-bare", "modernbert-choice", "deberta-choice"}
TRAINED = {"roberta-sequence", "electra-discriminator", "mpnet-masked", "modernbert-masked", "deberta-masked"}


def feeds_of(head, kinds, pad_id):
    def feeds(batch):
        ids, mask = pad([row["input"] for row in batch], value=pad_id)
        given = {"input_ids": ids, "attention_mask": mask}
        if kinds:
            given["token_type_ids"] = pad([row["types"] for row in batch])[0]
        targets = [row["target"] for row in batch]
        if head == "sequence":
            return {**given, "labels": [t[0] for t in targets]}
        return {**given, "labels": pad(targets, value=0 if head == "discriminator" else -100)[0]}
    return feeds


def target(head, g, row):
    if head == "discriminator":
        return torch.randint(0, 2, (len(row),), generator=g).tolist()
    return target_of("single" if head == "sequence" else head, g, row)


def scores(model, head, row, types):
    """As bert.py has them; a choice is one of one, a logit of every token a column."""
    given = {"input_ids": torch.tensor([row])}
    if types is not None:
        given["token_type_ids"] = torch.tensor([types])
    if head in ("choice",):
        given = {k: v[None] for k, v in given.items()}
        given["attention_mask"] = torch.ones_like(given["input_ids"])
    with torch.no_grad():
        out = model(**given)
    if head is None:
        return out.last_hidden_state[0]
    if head == "span":
        return torch.stack([out.start_logits[0], out.end_logits[0]], -1)
    return out.logits[0][:, None] if head == "discriminator" else out.logits[0]


def as_of_v4(folder):
    """The same model as transformers 4 spells it."""
    with open(os.path.join(folder, "config.json")) as f:
        values = json.load(f)
    rope = values.pop("rope_parameters")
    del values["layer_types"], values["dtype"]
    values.update(global_rope_theta=rope["full_attention"]["rope_theta"],
                  local_rope_theta=rope["sliding_attention"]["rope_theta"], global_attn_every_n_layers=3,
                  torch_dtype="float32", transformers_version="4.48.0")
    with open(os.path.join(folder, "config.v4.json"), "w") as f:
        json.dump(values, f, indent=2, sort_keys=True)
        f.write("\n")


def write_case(name, seed):
    make, changes, head, kinds = CASES[name]
    folder = fresh_folder("encoders", name)
    # Without a norm after each layer large weights make rounding show in what is learnt.
    mild = dict(std=0.2, words=0.4) if name == "modernbert-masked" else {}
    model = randomise(make(make.config_class(**changes)), seed, **mild)
    if name in BF16:
        model = model.to(torch.bfloat16)
    save(model, folder)
    # What transformers 5 leaves out of it where it was given.
    edit_json(os.path.join(folder, "config.json"), lambda c: c.update(
        {k: v for k, v in changes.items() if k in ("share_att_key", "pos_att_type", "norm_rel_ebd")}))
    model = model.float()
    g = torch.Generator().manual_seed(1000 + seed)
    rows = random_rows(g, (9, 4, 30 if name == "mpnet-masked" else 17), VOCAB)
    if name == "roberta-masked":
        # A token of padding within a text is not counted by its positions.
        rows[0][4] = model.config.pad_token_id
    types = [types_of(row, kinds) for row in rows] if kinds else None
    if types:
        types[0] = [0] * 4 + [1] * 5
    got = [scores(model, head, row, types and types[i]) for i, row in enumerate(rows)]
    by_token = head in ("masked", "tokens", "span", "discriminator", None)
    whole = torch.cat(got) if by_token else torch.stack(got)
    save_file({"scores": whole.contiguous()}, os.path.join(folder, "expected.safetensors"))
    write_json(os.path.join(folder, "expected.json"),
               {"writer": WRITER, "head": head, "rows": rows, **({"types": types} if types else {})})
    if name in TRAINED:
        batches = [[{"input": row, **({"types": types_of(row)} if kinds else {}), "target": target(head, g, row)}
                    for row in random_rows(g, lengths, VOCAB)] for lengths in LENGTHS]
        train(lambda: make.from_pretrained(folder), folder, batches, feeds_of(head, kinds, model.config.pad_token_id),
              "adamw", keep=False)
    if name == "modernbert-masked":
        as_of_v4(folder)
    if name == "mpnet-bare":
        # As releases of sentence-transformers are: config.json says what the encoder was cut from.
        edit_json(os.path.join(folder, "config.json"), lambda c: c.update(architectures=["MPNetForMaskedLM"]))
    print(name, whole.abs().max().item())


if __name__ == "__main__":
    for case in sys.argv[1:] or CASES:
        write_case(case, 31 + list(CASES).index(case))
