"""Writes test/fixtures/adapters: tiny models, adapters as PEFT saves them, and what both compute. See README.md."""
import os
import sys
import warnings

import torch
from peft import (LoraConfig, PrefixTuningConfig, PromptEncoderConfig, PromptTuningConfig, get_peft_model)
from safetensors.torch import save_file
from transformers import (BertConfig, BertForMultipleChoice, BertForQuestionAnswering, BertForSequenceClassification,
                          BertForTokenClassification, DynamicCache, GPT2Config, GPT2LMHeadModel, RobertaConfig,
                          RobertaForSequenceClassification, T5Config, T5ForConditionalGeneration)

from common import FIXTURES, fresh_folder, pad, write_json
from tiny import randomise, save

warnings.filterwarnings("ignore")
N = 5
ROWS = [[7, 12, 33, 4, 21, 9, 3], [40, 2, 17, 8, 11]]
PAIRS = [[5, 9, 31, 14, 1], [22, 6, 1]]
TARGETS = [[8, 19, 4, 1], [30, 1]]
BERT = dict(vocab_size=50, hidden_size=16, num_hidden_layers=3, num_attention_heads=4, intermediate_size=24,
            max_position_embeddings=24, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
            classifier_dropout=0.0, num_labels=3)
GPT2 = dict(vocab_size=50, n_embd=16, n_layer=2, n_head=4, n_positions=32, resid_pdrop=0.0, embd_pdrop=0.0,
            attn_pdrop=0.0, bos_token_id=1, eos_token_id=1)
T5 = dict(vocab_size=48, d_model=16, d_kv=4, d_ff=24, num_layers=4, num_decoder_layers=4, num_heads=4,
          feed_forward_proj="gated-gelu", dropout_rate=0.0, decoder_start_token_id=0, eos_token_id=1, pad_token_id=0,
          tie_word_embeddings=False)
BASES = {
    "bert-sequence": (BertForSequenceClassification, BertConfig, BERT),
    "bert-tokens": (BertForTokenClassification, BertConfig, BERT),
    "bert-span": (BertForQuestionAnswering, BertConfig, {**BERT, "num_labels": 2}),
    "bert-choice": (BertForMultipleChoice, BertConfig, BERT),
    "roberta-sequence": (RobertaForSequenceClassification, RobertaConfig, {**BERT, "pad_token_id": 1}),
    "gpt2": (GPT2LMHeadModel, GPT2Config, GPT2),
    "t5": (T5ForConditionalGeneration, T5Config, T5),
}
# base, PEFT's configuration, seed of what is learnt
CASES = {
    "bert-prefix": ("bert-sequence", lambda: PrefixTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=N)),
    "roberta-prefix": ("roberta-sequence", lambda: PrefixTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=N)),
    "bert-projection": ("bert-tokens", lambda: PrefixTuningConfig(
        task_type="TOKEN_CLS", num_virtual_tokens=N, prefix_projection=True, encoder_hidden_size=7)),
    "bert-span": ("bert-span", lambda: PrefixTuningConfig(task_type="QUESTION_ANS", num_virtual_tokens=N)),
    "bert-prompt": ("bert-sequence", lambda: PromptTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=N)),
    "bert-lora": ("bert-sequence", lambda: LoraConfig(
        task_type="SEQ_CLS", r=3, lora_alpha=6, target_modules=["query", "value"],
        rank_pattern={"layer.1.attention.self.value": 2}, alpha_pattern={"layer.2.attention.self.query": 5})),
    "gpt2-prefix": ("gpt2", lambda: PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=N)),
    "gpt2-prompt": ("gpt2", lambda: PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=N)),
    "gpt2-lora": ("gpt2", lambda: LoraConfig(task_type="CAUSAL_LM", r=2, lora_alpha=3, fan_in_fan_out=True,
                                             target_modules=["c_attn", "mlp.c_proj"], use_rslora=True)),
    "t5-prefix": ("t5", lambda: PrefixTuningConfig(task_type="SEQ_2_SEQ_LM", num_virtual_tokens=N)),
    "t5-prompt": ("t5", lambda: PromptTuningConfig(task_type="SEQ_2_SEQ_LM", num_virtual_tokens=N)),
    "t5-lora": ("t5", lambda: LoraConfig(task_type="SEQ_2_SEQ_LM", r=2, lora_alpha=4, target_modules=["q", "v"])),
}


def base_of(name):
    make, config, values = BASES[name]
    return randomise(make(config(**values)), 11 + list(BASES).index(name))


def inputs_of(base, pad_id):
    if base == "t5":
        ids, mask = pad(PAIRS)
        labels, _ = pad(TARGETS, value=-100)
        return {"input_ids": ids, "attention_mask": mask, "labels": labels}
    ids, mask = pad(ROWS, value=pad_id)
    given = {"input_ids": ids, "attention_mask": mask}
    if base == "gpt2":
        return {**given, "labels": pad(ROWS, value=-100)[0]}
    # PEFT leaves the kinds of text away where it answers questions.
    if base.startswith("bert") and base != "bert-span":
        given["token_type_ids"] = [[int(m and i > 2) for i, m in enumerate(row)] for row in mask]
    if base == "bert-tokens":
        return {**given, "labels": [[(i % 3) if m else -100 for i, m in enumerate(row)] for row in mask]}
    if base == "bert-span":
        return {**given, "start_positions": [2, 0], "end_positions": [5, 4]}
    return {**given, "labels": [2, 0]}


def randomise_learnt(model, seed):
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for _, p in sorted((n, p) for n, p in model.named_parameters() if p.requires_grad):
            p.copy_(0.4 * torch.randn(p.shape, generator=g))
    return model.eval()


def logits_of(out):
    if hasattr(out, "start_logits"):
        return torch.stack([out.start_logits, out.end_logits], -1)
    return out.logits


def plain(name):
    """A parameter's name as the file of the adapter has it."""
    for part in (".modules_to_save.default", ".default"):
        name = name.replace(part, "")
    return name


def write_case(name):
    base, make = CASES[name]
    folder = fresh_folder("adapters", name)
    model = randomise_learnt(get_peft_model(base_of(base), make()), 100 + list(CASES).index(name))
    model.save_pretrained(folder)
    os.remove(os.path.join(folder, "README.md"))
    given = inputs_of(base, model.config.pad_token_id or 0)
    tensors = {k: torch.tensor(v) for k, v in given.items()}
    out = model(**tensors)
    out.loss.backward()
    grads = {plain(n): p.grad.contiguous() for n, p in model.named_parameters() if p.requires_grad}
    expected = {"logits": logits_of(out).detach().contiguous(), **{f"grad.{n}": g for n, g in grads.items()}}
    learnt = {plain(n): p.detach().contiguous() for n, p in model.named_parameters() if p.requires_grad}
    # The file of the adapter holds what the projection makes, not the projection.
    kept = learnt if "projection" in name else {}
    save_file({**expected, **{f"learnt.{n}": p for n, p in kept.items()}},
              os.path.join(folder, "expected.safetensors"))
    answers = None
    if base in ("gpt2", "t5"):
        rows = PAIRS if base == "t5" else ROWS
        answers = []
        for row in rows:
            ids = torch.tensor([row])
            made = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=6,
                                  do_sample=False, pad_token_id=0)[0].tolist()
            answers.append(made[1:] if base == "t5" else made[len(row):])
    write_json(os.path.join(folder, "expected.json"),
               {"base": base, "loss": out.loss.item(), "inputs": given, "answers": answers})
    print(name, round(out.loss.item(), 4), answers)


def cache_of(prefix, layers, heads, batch):
    """[n, 2 · layers · width] to a cache whose first places are the prefix."""
    n = prefix.shape[0]
    rows = prefix.view(n, 2 * layers, heads, -1).permute(1, 2, 0, 3)
    cache = DynamicCache()
    for i in range(layers):
        expand = lambda x: x[None].expand(batch, -1, -1, -1)  # noqa: E731
        cache.update(expand(rows[2 * i]), expand(rows[2 * i + 1]), i)
    return cache


def write_choice():
    """Several choices a row over one prefix, which PEFT does not do: BERT by hand with the prefix in its cache."""
    folder = fresh_folder("adapters", "bert-choice")
    model = base_of("bert-choice").eval()
    g = torch.Generator().manual_seed(77)
    prefix = (0.4 * torch.randn((N, 2 * 3 * 16), generator=g)).requires_grad_()
    flat = [[7, 12, 33, 4], [7, 12, 9, 8, 3], [40, 2, 17], [40, 2, 6, 5, 31]]
    ids, mask = pad(flat)
    ids, mask = torch.tensor(ids), torch.tensor(mask)
    seen = torch.cat([torch.ones(4, N, dtype=torch.long), mask], 1)
    out = model.bert(input_ids=ids, attention_mask=seen, past_key_values=cache_of(prefix, 3, 4, 4),
                     position_ids=torch.arange(N, N + ids.shape[1])[None])
    logits = model.classifier(out.pooler_output).view(2, 2)
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor([1, 0]))
    loss.backward()
    save_file({"logits": logits.detach(), "prefix": prefix.detach(), "grad.prefix": prefix.grad},
              os.path.join(folder, "expected.safetensors"))
    write_json(os.path.join(folder, "expected.json"),
               {"base": "bert-choice", "loss": loss.item(), "rows": flat, "labels": [1, 0]})
    print("bert-choice", round(loss.item(), 4))


def norm(x, weight, eps):
    return weight * x * torch.rsqrt((x * x).mean(-1, keepdim=True) + eps)


def write_sites():
    """T5 with prefixes at the encoder, the decoder and between them whose columns have no bias: by its equations."""
    folder = fresh_folder("adapters", "t5-sites")
    model = base_of("t5").eval()
    c = model.config
    g = torch.Generator().manual_seed(78)
    sites = {s: (0.4 * torch.randn((N, 2 * 4 * 16), generator=g)).requires_grad_()
             for s in ("encoder", "decoder", "cross")}
    given = {k: torch.tensor(v) for k, v in inputs_of("t5", 0).items()}
    heads = lambda x: x.view(x.shape[0], -1, c.num_heads, c.d_kv).transpose(1, 2)  # noqa: E731

    def attend(layer, x, memory, prefix, i, bias):
        k, v = heads(layer.k(memory)), heads(layer.v(memory))
        rows = prefix.view(N, 4, 2, c.num_heads, c.d_kv)[:, i].permute(1, 2, 0, 3)
        k = torch.cat([rows[0][None].expand(len(x), -1, -1, -1), k], 2)
        v = torch.cat([rows[1][None].expand(len(x), -1, -1, -1), v], 2)
        bias = torch.cat([torch.zeros(*bias.shape[:-1], N), bias], -1)
        p = (heads(layer.q(x)) @ k.transpose(-1, -2) + bias).softmax(-1)
        return layer.o((p @ v).transpose(1, 2).reshape(len(x), x.shape[1], -1))

    def stack(part, x, prefix, bias, cross=None):
        for i, block in enumerate(part.block):
            first = block.layer[0]
            h = norm(x, first.layer_norm.weight, c.layer_norm_epsilon)
            x = x + attend(first.SelfAttention, h, h, prefix, i, bias)
            if cross:
                second = block.layer[1]
                h = norm(x, second.layer_norm.weight, c.layer_norm_epsilon)
                x = x + attend(second.EncDecAttention, h, cross[0], cross[1], i, cross[2])
            last = block.layer[-1]
            x = x + last.DenseReluDense(norm(x, last.layer_norm.weight, c.layer_norm_epsilon))
        return norm(x, part.final_layer_norm.weight, c.layer_norm_epsilon)

    hidden = torch.where(given["attention_mask"][:, None, None] == 1, 0.0, torch.finfo(torch.float32).min)
    length = given["input_ids"].shape[1]
    bias = model.encoder.block[0].layer[0].SelfAttention.compute_bias(length, length) + hidden
    encoded = stack(model.encoder, model.shared(given["input_ids"]), sites["encoder"], bias)
    tokens = model._shift_right(given["labels"])
    size = tokens.shape[1]
    causal = torch.where(torch.tril(torch.ones(size, size)) == 1, 0.0, torch.finfo(torch.float32).min)
    bias = model.decoder.block[0].layer[0].SelfAttention.compute_bias(size, size) + causal
    decoded = stack(model.decoder, model.shared(tokens), sites["decoder"], bias, (encoded, sites["cross"], hidden))
    logits = model.lm_head(decoded)
    loss = torch.nn.functional.cross_entropy(logits.view(-1, logits.shape[-1]), given["labels"].view(-1))
    loss.backward()
    save_file({"logits": logits.detach().contiguous(), **{s: p.detach() for s, p in sites.items()},
               **{f"grad.{s}": p.grad for s, p in sites.items()}}, os.path.join(folder, "expected.safetensors"))
    write_json(os.path.join(folder, "expected.json"),
               {"base": "t5", "loss": loss.item(), "inputs": inputs_of("t5", 0)})
    print("t5-sites", round(loss.item(), 4))


def write_steps():
    """Twenty AdamW steps of bert-prefix on two fixed batches: clipped to 1, the rate going down to nothing."""
    folder = fresh_folder("adapters", "bert-steps")
    _, make = CASES["bert-prefix"]
    model = randomise_learnt(get_peft_model(base_of("bert-sequence"), make()), 100)
    batches = [inputs_of("bert-sequence", 0),
               {"input_ids": [[3, 14, 15, 9], [26, 5, 35, 8]], "attention_mask": [[1, 1, 1, 1], [1, 1, 1, 1]],
                "token_type_ids": [[0, 0, 1, 1], [0, 0, 0, 0]], "labels": [1, 2]}]
    learnt = [p for p in model.parameters() if p.requires_grad]
    run = torch.optim.AdamW(learnt, lr=1e-2, weight_decay=0.0)
    plan = torch.optim.lr_scheduler.LambdaLR(run, lambda step: 1 - step / 20)
    losses = []
    for step in range(20):
        run.zero_grad()
        loss = model(**{k: torch.tensor(v) for k, v in batches[step % 2].items()}).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learnt, 1.0)
        run.step()
        plan.step()
        losses.append(loss.item())
    save_file({plain(n): p.detach().contiguous() for n, p in model.named_parameters() if p.requires_grad},
              os.path.join(folder, "final.safetensors"))
    write_json(os.path.join(folder, "expected.json"),
               {"adapter": "bert-prefix", "lr": 1e-2, "losses": losses, "batches": batches})
    print("bert-steps", losses[0], losses[-1])


def write_scripts():
    """A checkpoint as P-tuning v2's scripts save one, without its backbone: the prefix of bert-projection."""
    folder = fresh_folder("adapters", "scripts")
    _, make = CASES["bert-projection"]
    model = randomise_learnt(get_peft_model(base_of("bert-tokens"), make()), 100 + list(CASES).index("bert-projection"))
    names = {"prompt_encoder.embedding.": "prefix_encoder.embedding.", "prompt_encoder.transform.": "prefix_encoder.trans.",
             "base_model.classifier.": "classifier."}
    state = {}
    for name, p in model.named_parameters():
        for old, new in names.items():
            if p.requires_grad and plain(name).startswith(old):
                state[plain(name).replace(old, new)] = p.detach().clone()
    torch.save(state, os.path.join(folder, "pytorch_model.bin"))
    print("scripts", sorted(state))


if __name__ == "__main__":
    names = sys.argv[1:] or ["bases", *CASES, "choice", "sites", "steps", "scripts"]
    for name in names:
        if name == "bases":
            for base in BASES:
                save(base_of(base), fresh_folder("adapters", "base", base))
        elif name in CASES:
            write_case(name)
        else:
            {"choice": write_choice, "sites": write_sites, "steps": write_steps, "scripts": write_scripts}[name]()
