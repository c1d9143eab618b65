"""Writes test/fixtures/opt: two tiny OPT checkpoints and what transformers computes with them. See README.md.

`before` has its norms before the layers, as all releases but one; `after` has them behind, and words narrower than the
layers. Weights are stored in 16 bits, as OPT's are; everything is computed in fp32 from them.
"""
import math
import os

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import OPTConfig, OPTForCausalLM

from common import fresh_folder, write_json

TEXTS = [
    "The ferry leaves at noon and comes back before the light is gone.",
    "Two walls of the old mill are standing; the river has taken the rest.",
    "She counted the boats, wrote the number down and counted them again.",
    "Bread, salt and a little oil: the children wanted nothing more.",
]
PROMPTS = ["The river", "Two boats and the old mill", "She wrote"]
TARGET = " comes back at noon."
CASES = {
    "before": dict(hidden_size=24, num_attention_heads=3, ffn_dim=40),
    "after": dict(hidden_size=16, word_embed_proj_dim=8, num_attention_heads=2, ffn_dim=24, do_layer_norm_before=False),
}
NEW = 12


def tokenizer():
    """GPT-2's kind of pieces; every text begins with </s>, the token that also ends one."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    made.train_from_iterator(TEXTS, trainer)
    made.post_processor = processors.TemplateProcessing(single="</s> $A", special_tokens=[("</s>", 2)])
    return made


def randomise(model, seed):
    """Weights that make the model sure of itself, and fit in 16 bits."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            noise = torch.randn(p.shape, generator=g)
            if "layer_norm" in name:
                noise = 0.2 * noise + (0 if name.endswith("bias") else 1)
            elif name.endswith("bias"):
                noise = 0.2 * noise
            else:
                noise = (0.5 if "embed" in name else 0.35) * noise
            p.copy_(noise.half().float())
    return model.eval()


def losses(model, rows):
    """Mean loss over all tokens of the rows, and the norm of its gradient."""
    count = sum(len(row) - 1 for row in rows)
    loss = sum(model(input_ids=torch.tensor([row]), labels=torch.tensor([row])).loss * (len(row) - 1) for row in rows)
    model.zero_grad()
    (loss / count).backward()
    norm = sum((p.grad.double() ** 2).sum() for p in model.parameters() if p.grad is not None).sqrt()
    return {"loss": (loss / count).item(), "grad_norm": norm.item()}


def write(name, words, seed):
    config = OPTConfig(**{**dict(vocab_size=words.get_vocab_size(), num_hidden_layers=2, max_position_embeddings=64,
                                 dropout=0.0, attention_dropout=0.0, layerdrop=0.0, bos_token_id=2, eos_token_id=2,
                                 pad_token_id=1), **CASES[name]})
    model = randomise(OPTForCausalLM(config), seed)
    prompts = []
    with torch.no_grad():
        for text in PROMPTS:
            ids = words.encode(text).ids
            made = model.generate(input_ids=torch.tensor([ids]), max_new_tokens=NEW, do_sample=False)[0, len(ids):]
            target = words.encode(TARGET, add_special_tokens=False).ids + [2]
            logits = model(input_ids=torch.tensor([ids + target])).logits[0].float()
            logprobs = logits[len(ids) - 1:-1].log_softmax(-1).gather(-1, torch.tensor(target)[:, None])[:, 0]
            prompts.append({"prompt": text, "ids": ids, "tokens": made.tolist(), "logprobs": logprobs.tolist(),
                            "logits": [round(z, 5) for z in logits[len(ids) - 1].tolist()]})
    if min(len(set(prompt["tokens"])) for prompt in prompts) < 5:
        return False
    text = " ".join(TEXTS)
    ids = words.encode(text).ids
    windows = [ids[i:i + config.max_position_embeddings] for i in range(0, len(ids), config.max_position_embeddings)]
    folder = fresh_folder("opt", name)
    write_json(os.path.join(folder, "expected.json"), {
        "max_new_tokens": NEW, "target": TARGET, "prompts": prompts,
        "parameters": sum(p.numel() for p in model.parameters()),
        "text": text, "perplexity": math.exp(losses(model, windows)["loss"]), "windows": len(windows),
        "texts": TEXTS, "training": losses(model, [words.encode(t).ids + [2] for t in TEXTS]),
    })
    model.half().save_pretrained(folder)
    os.remove(os.path.join(folder, "generation_config.json"))
    words.save(os.path.join(folder, "tokenizer.json"), pretty=False)
    return True


if __name__ == "__main__":
    for case in CASES:
        print(case, "seed", next(seed for seed in range(400) if write(case, tokenizer(), seed)))
