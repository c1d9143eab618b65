"""Writes test/fixtures/encoder-decoders: tiny checkpoints and what transformers computes with them. See README.md."""
import copy
import os
import sys

import torch
import transformers as tf
from safetensors.torch import load_file, save_file
from transformers import GenerationConfig

from common import fresh_folder, pad, write_json
from tiny import WRITER, cut, edit_json, lm_batches, random_rows, randomise, train

NEW = 10
RUNS = [
    ("greedy", {}),
    ("no pair twice", {"no_repeat_ngram_size": 2}),
    ("bad words", {"bad_words_ids": None}),
    ("suppressed", {"suppress_tokens": None, "begin_suppress_tokens": None}),
    ("shortest length", {"min_length": 7}),
    ("repetition", {"repetition_penalty": 1.4}),
    ("forced", {"forced_bos_token_id": 9, "forced_eos_token_id": None}),
    ("beams", {"num_beams": 4}),
    ("beams never end early", {"num_beams": 3, "early_stopping": "never", "length_penalty": 1.5}),
    ("beams, repetition", {"num_beams": 4, "repetition_penalty": 1.4}),
    ("beams, all rules", {"num_beams": 3, "length_penalty": 2.0, "early_stopping": True, "no_repeat_ngram_size": 3,
                          "min_length": 5, "forced_bos_token_id": 9, "forced_eos_token_id": None,
                          "bad_words_ids": None}),
]

BART = dict(vocab_size=56, d_model=16, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
            decoder_attention_heads=2, encoder_ffn_dim=20, decoder_ffn_dim=24, max_position_embeddings=24,
            dropout=0.0)
T5 = dict(vocab_size=56, d_model=16, d_kv=4, d_ff=20, num_heads=3, num_layers=2, num_decoder_layers=2,
          feed_forward_proj="gated-gelu", relative_attention_num_buckets=8, relative_attention_max_distance=12,
          dropout_rate=0.0, pad_token_id=0, eos_token_id=1, decoder_start_token_id=0)


def beams(**more):
    return dict(num_beams=3, max_length=14, **more)


# class, configuration, generation_config.json
CASES = {
    "bart": (tf.BartForConditionalGeneration, tf.BartConfig(**BART, activation_function="gelu"),
             beams(early_stopping=True, length_penalty=2.0, no_repeat_ngram_size=3, min_length=6,
                   forced_bos_token_id=0, forced_eos_token_id=2)),
    "mbart": (tf.MBartForConditionalGeneration,
              tf.MBartConfig(**BART, activation_function="relu", scale_embedding=True),
              beams(early_stopping=True, forced_bos_token_id=50, forced_eos_token_id=2, decoder_start_token_id=2)),
    "pegasus": (tf.PegasusForConditionalGeneration,
                tf.PegasusConfig(**BART, activation_function="relu", scale_embedding=True),
                beams(length_penalty=0.8, forced_eos_token_id=1)),
    "marian": (tf.MarianMTModel,
               tf.MarianConfig(**BART, activation_function="swish", scale_embedding=True, pad_token_id=55,
                               decoder_start_token_id=55, eos_token_id=0),
               beams(bad_words_ids=[[55]], forced_eos_token_id=0)),
    # The reference's own beam search cannot do vocabularies of two sizes.
    "marian-two": (tf.MarianMTModel,
                   tf.MarianConfig(**{**BART, "vocab_size": 64}, decoder_vocab_size=48, pad_token_id=47,
                                   decoder_start_token_id=47, eos_token_id=0, activation_function="swish",
                                   scale_embedding=True, share_encoder_decoder_embeddings=False),
                   dict(max_length=14, bad_words_ids=[[47]], forced_eos_token_id=0)),
    "mt5": (tf.MT5ForConditionalGeneration, tf.MT5Config(**T5),
            beams(length_penalty=0.6, no_repeat_ngram_size=2)),
    "umt5": (tf.UMT5ForConditionalGeneration, tf.UMT5Config(**T5, tie_word_embeddings=False),
             beams(repetition_penalty=1.3)),
    # ByT5's shape: many layers read, few write; a byte is an id.
    "byt5": (tf.T5ForConditionalGeneration,
             tf.T5Config(**{**T5, "vocab_size": 384, "num_layers": 3, "num_decoder_layers": 1, "d_model": 12},
                         tie_word_embeddings=False),
             beams()),
    "bf16": (tf.PegasusForConditionalGeneration,
             tf.PegasusConfig(**BART, activation_function="relu", scale_embedding=True), beams()),
}
UNTIED = ("mt5", "umt5", "byt5")


# Factors of the words and of the layers.
SPEECH = (0.6, 2.0)


def made(name, seed):
    kind, config, settings = CASES[name]
    model = randomise(kind(copy.deepcopy(config)), seed, std=0.4)
    g = torch.Generator().manual_seed(5000 + seed)
    with torch.no_grad():
        if kind in (tf.PegasusForConditionalGeneration, tf.MarianMTModel):
            soft, loud = SPEECH
            # Words speak softly, or the answer to a token is the token itself.
            for key, p in model.named_parameters():
                if "embed_tokens" in key or "shared" in key:
                    p.mul_(soft)
                elif p.dim() == 2:
                    p.mul_(loud)
        if hasattr(model, "final_logits_bias"):
            model.final_logits_bias.copy_(0.5 * torch.randn(model.final_logits_bias.shape, generator=g))
        if name in UNTIED:
            head = torch.nn.Linear(model.shared.weight.shape[1], model.shared.weight.shape[0], bias=False)
            head.weight.copy_(0.6 * torch.randn(head.weight.shape, generator=g))
            model.lm_head = head
        if name == "bf16":
            model = model.to(torch.bfloat16).float()
        for module in model.modules():
            # Sinusoids stay what they are.
            if hasattr(module, "create_weight"):
                module.weight.copy_(module.create_weight())
    return model, g


def vocabularies(model):
    config = model.config
    return config.vocab_size, getattr(config, "decoder_vocab_size", None) or config.vocab_size


def start_of(model, settings):
    start = model.config.decoder_start_token_id
    return settings["decoder_start_token_id"] if start is None else start


def generate(model, rows, params):
    config = model.config
    ids, mask = pad(rows, value=config.pad_token_id)
    values = {"max_new_tokens": NEW, "pad_token_id": config.pad_token_id, "eos_token_id": config.eos_token_id,
              "decoder_start_token_id": start_of(model, {"decoder_start_token_id": 2}), **params}
    if "max_length" in values:
        values.pop("max_new_tokens")
    settings = GenerationConfig(do_sample=False, return_dict_in_generate=True, output_scores=True, **values)
    model.generation_config = GenerationConfig()
    with torch.no_grad():
        out = model.generate(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask),
                             generation_config=settings)
    ends = values["eos_token_id"] if isinstance(values["eos_token_id"], list) else [values["eos_token_id"]]
    tokens = [cut(row[1:], ends) for row in out.sequences.tolist()]
    return tokens, out.sequences_scores.tolist() if settings.num_beams and settings.num_beams > 1 else None


def filled(params, greedy, end):
    """The rules over tokens that greedy decoding says, so that they matter."""
    second = [row[1] for row in greedy if len(row) > 1]
    values = {"bad_words_ids": [greedy[0][1:3], [second[-1]]], "suppress_tokens": [greedy[0][2]],
              "begin_suppress_tokens": [row[0] for row in greedy], "forced_eos_token_id": end}
    return {key: values[key] if value is None else value for key, value in params.items()}


def recorded(model, double, rows, name, params):
    one = [generate(model, [row], params) for row in rows]
    tokens = [t for ts, _ in one for t in ts]
    if [generate(double, [row], params)[0][0] for row in rows] != tokens:
        return None
    if generate(model, rows, params)[0] != tokens:
        return None
    scores = [s for _, ss in one for s in ss] if one[0][1] else None
    return {"name": name, "params": params, "tokens": tokens, **({"scores": scores} if scores else {})}


def attempt(name, seed):
    _, _, settings = CASES[name]
    model, g = made(name, seed)
    reads, writes = vocabularies(model)
    lows = 5
    end = model.config.eos_token_id
    rows = [row + [end] for row in random_rows(g, (6, 2, 11), reads - 4, lows)]
    greedy = generate(model, rows, {})[0]
    lengths = [len(row) for row in greedy]
    # Sinusoids of few channels are much alike: such models repeat themselves unless rules forbid it.
    if min(lengths) < 3 or len(set(sum(greedy, []))) < 4 or greedy[0] == greedy[2]:
        return False
    double = copy.deepcopy(model).double()
    runs = []
    for run, params in RUNS:
        if name == "marian-two" and "num_beams" in params:
            continue
        done = recorded(model, double, rows, run, filled(params, greedy, end))
        if done is None:
            return False
        runs.append(done)
    lengths = {len(row) for run in runs for row in run["tokens"]}
    if len(lengths) < 4 or NEW not in lengths:
        return False
    says = recorded(model, double, rows, "as generation_config.json says", settings)
    if says is None:
        return False
    folder = fresh_folder("encoder-decoders", name)
    start = start_of(model, settings)
    answer = [start] + random_rows(g, (7,), writes - 4, lows)[0]
    choices = [c + [end] for c in random_rows(g, (1, 4, 2), writes - 4, lows)]
    with torch.no_grad():
        outs = [model(input_ids=torch.tensor([row]), decoder_input_ids=torch.tensor([answer])) for row in rows]
        sums = []
        for row in rows:
            sums.append([])
            for choice in choices:
                z = model(input_ids=torch.tensor([row]), decoder_input_ids=torch.tensor([([start] + choice)[:-1]]))
                sums[-1].append(z.logits[0].log_softmax(-1).gather(-1, torch.tensor(choice)[:, None]).sum().item())
        batch = [{"input": row["input"] or [7, end], "target": row["target"] + [end]}
                 for row in lm_batches(torch.Generator().manual_seed(3), writes - 4, 1)[0]]
        loss = model(**{k: torch.tensor(v) for k, v in feeds(model)(batch).items()}).loss.item()
    model.generation_config = GenerationConfig(
        **{"pad_token_id": model.config.pad_token_id, "eos_token_id": end, "decoder_start_token_id": start, **settings})
    stored = model.to(torch.bfloat16) if name == "bf16" else model
    stored.save_pretrained(folder)
    if name in UNTIED:
        weights = load_file(os.path.join(folder, "model.safetensors"))
        weights["lm_head.weight"] = model.lm_head.weight.detach().clone()
        save_file(weights, os.path.join(folder, "model.safetensors"), {"format": "pt"})
    edit_json(os.path.join(folder, "config.json"), lambda values: values.update(_name_or_path=""))
    save_file({"logits": torch.cat([o.logits[0] for o in outs]).float(),
               "encoded": torch.cat([o.encoder_last_hidden_state[0] for o in outs]).float()},
              os.path.join(folder, "expected.safetensors"))
    write_json(os.path.join(folder, "expected.json"), {
        "writer": WRITER, "rows": rows, "decoder_input_ids": answer, "max_new_tokens": NEW,
        "continuations": {"choices": choices, "scores": sums}, "loss": {"rows": batch, "value": loss},
        "says": says, "runs": runs})
    if name == "bart":
        trained(model, folder)
    return True


def feeds(model):
    """Labels alone: how they become the decoder's inputs is the model's own."""
    def made(batch):
        ids, mask = pad([row["input"] for row in batch], value=model.config.pad_token_id)
        labels, _ = pad([row["target"] for row in batch], value=-100)
        return {"input_ids": ids, "attention_mask": mask, "labels": labels}
    return made


def trained(model, folder):
    batches = [[{"input": row["input"] + [4, 2], "target": row["target"] + [2]} for row in batch]
               for batch in lm_batches(torch.Generator().manual_seed(3), 48)]
    load = lambda: type(model).from_pretrained(folder)  # noqa: E731
    train(load, folder, batches, feeds(model), "sgd")
    # A buffer, which nothing trains.
    bias = load().final_logits_bias
    for file, value in (("gradients", torch.zeros_like(bias)), ("final", bias)):
        path = os.path.join(folder, f"{file}.safetensors")
        save_file({**load_file(path), "final_logits_bias": value}, path)


def classifier(seed=0):
    """BART with the head of its kind for natural language inference, and texts with several end tokens."""
    config = tf.BartConfig(**BART, activation_function="gelu",
                           id2label={0: "contradiction", 1: "neutral", 2: "entailment"})
    model = randomise(tf.BartForSequenceClassification(config), seed, std=0.4)
    g = torch.Generator().manual_seed(seed)
    rows = [[0, *a, 2, 2, *b, 2] for a, b in zip(random_rows(g, (3, 6, 1), 56, 5), random_rows(g, (4, 1, 2), 56, 5))]
    folder = fresh_folder("encoder-decoders", "bart-classes")
    model.save_pretrained(folder)
    edit_json(os.path.join(folder, "config.json"), lambda values: values.update(_name_or_path=""))
    with torch.no_grad():
        scores = torch.cat([model(input_ids=torch.tensor([row])).logits for row in rows])
    save_file({"scores": scores}, os.path.join(folder, "expected.safetensors"))
    batches = [[{"input": row, "target": [(i + n) % 3]} for i, row in enumerate(rows)] for n in range(2)]
    write_json(os.path.join(folder, "expected.json"), {"writer": WRITER, "rows": rows})

    def made(batch):
        ids, mask = pad([row["input"] for row in batch], value=1)
        return {"input_ids": ids, "attention_mask": mask, "labels": [row["target"][0] for row in batch]}
    train(lambda: tf.BartForSequenceClassification.from_pretrained(folder), folder, batches, made, "sgd", keep=False)
    os.remove(os.path.join(folder, "gradients.safetensors"))


if __name__ == "__main__":
    for case in sys.argv[1:] or [*CASES, "bart-classes"]:
        if case == "bart-classes":
            classifier()
            continue
        seed = next((seed for seed in range(600) if attempt(case, seed)), None)
        if seed is None:
            raise SystemExit(f"{case}: no seed gives answers that end early and ones that do not")
        print(case, "seed", seed, flush=True)
