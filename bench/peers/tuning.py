"""A step of tuning with PyTorch and PEFT, as bench/tune.js measures ours: one JSON line.

    python tuning.py FOLDER bert-base|t5-base|smollm2-135m p-tuning-v2|lora|full [--threads 2] [--repeats 5]

Forward, backward, clipping to 1 and AdamW in fp32 with dropout 0, the same rows. P-tuning v2 is PEFT's prefix tuning of
20 tokens, LoRA its default targets with rank 8.
"""
import argparse

from measure import ids, report, timed

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("shape", choices=["bert-base", "t5-base", "smollm2-135m"])
parser.add_argument("method", choices=["p-tuning-v2", "lora", "full"])
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--repeats", type=int, default=5)
parser.add_argument("--rows", type=int)
parser.add_argument("--tokens", type=int)
args = parser.parse_args()

import torch
import transformers
from peft import LoraConfig, PrefixTuningConfig, TaskType, get_peft_model

transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
torch.set_num_threads(args.threads)

tensor = torch.tensor
if args.shape == "bert-base":
    model = transformers.AutoModelForTokenClassification.from_pretrained(args.folder, num_labels=9)
    task = TaskType.TOKEN_CLS
    rows = ids(args.rows or 16, args.tokens or 128, model.config.vocab_size)
    batch = {"input_ids": tensor(rows), "labels": tensor([[i % 9 for i in row] for row in rows])}
elif args.shape == "t5-base":
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(args.folder)
    task = TaskType.SEQ_2_SEQ_LM
    size = model.config.vocab_size
    batch = {"input_ids": tensor(ids(args.rows or 8, args.tokens or 128, size)), "labels": tensor(ids(args.rows or 8, 32, size, seed=1))}
else:
    model = transformers.AutoModelForCausalLM.from_pretrained(args.folder)
    task = TaskType.CAUSAL_LM
    rows = tensor(ids(args.rows or 4, args.tokens or 512, model.config.vocab_size))
    batch = {"input_ids": rows, "labels": rows}
batch["attention_mask"] = torch.ones_like(batch["input_ids"])
model = model.float()
for module in model.modules():
    if isinstance(module, torch.nn.Dropout):
        module.p = 0.0
if args.method == "p-tuning-v2":
    model = get_peft_model(model, PrefixTuningConfig(task_type=task, num_virtual_tokens=20))
elif args.method == "lora":
    model = get_peft_model(model, LoraConfig(task_type=task, r=8, lora_alpha=8, lora_dropout=0.0))
model.train()
trained = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.0)
loss = None


def step():
    global loss
    optimizer.zero_grad()
    loss = model(**batch).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()


report(timed(step, args.repeats, warm=2), trained=sum(p.numel() for p in trained), loss=loss.item())
