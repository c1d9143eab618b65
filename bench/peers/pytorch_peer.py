"""PyTorch eager with transformers' T5, as a benchmark peer: one JSON line per measurement.

    python pytorch_peer.py FOLDER [--threads 2] [--dtype float32|bfloat16] [--measure encoder,decode,...] [--repeats 5]

encoder: 256 tokens, batch 1. decode: ms per step over 64 greedy steps with a key-value cache and 256 encoder tokens,
EOS disabled, batch 1 and 8. first_token: from process start, text in, one token out. train: forward, backward and
AdamW at batch 8, 128 input and 32 target tokens. frozen: the same with only a 20-token soft prompt in front trained.
"""
from importlib.metadata import version

from measure import PROMPT, arguments, ids, parent, report, timed

args = arguments(["encoder", "decode", "first_token", "train", "frozen"], ["float32", "bfloat16"])


def load():
    import torch
    from transformers import T5ForConditionalGeneration
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(args.threads)
    return torch, T5ForConditionalGeneration.from_pretrained(args.folder, dtype=getattr(torch, args.dtype)).eval()


def encoder():
    torch, model = load()
    tokens = torch.tensor(ids(1, 256, model.config.vocab_size))
    with torch.inference_mode():
        report(timed(lambda: model.encoder(input_ids=tokens), args.repeats), batch=1, tokens=256)


def greedy(torch, model, encoded, mask, steps):
    token = torch.zeros((encoded[0].shape[0], 1), dtype=torch.long)
    cache = None
    for _ in range(steps):
        out = model(encoder_outputs=encoded, attention_mask=mask, decoder_input_ids=token, past_key_values=cache,
                    use_cache=True)
        cache = out.past_key_values
        scores = out.logits[:, -1]
        scores[:, 1] = float("-inf")
        token = scores.argmax(-1, keepdim=True)
    return token


def decode():
    torch, model = load()
    for batch in args.batch:
        tokens = torch.tensor(ids(batch, 256, model.config.vocab_size))
        mask = torch.ones_like(tokens)
        with torch.inference_mode():
            encoded = model.encoder(input_ids=tokens, attention_mask=mask)
            times = timed(lambda: greedy(torch, model, encoded, mask, 64), max(min(3, args.repeats), args.repeats - 2))
        report(times, per=64, batch=batch, steps=64, encoder_tokens=256)


def first_token():
    torch, model = load()
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(args.folder)
    inputs = tokenizer(PROMPT, return_tensors="pt")
    with torch.inference_mode():
        encoded = model.encoder(**{k: inputs[k] for k in ("input_ids", "attention_mask")})
        token = greedy(torch, model, encoded, inputs["attention_mask"], 1)
    report([0.0], text=tokenizer.decode(token[0]))


def training_batch(torch, vocab):
    return torch.tensor(ids(8, 128, vocab)), torch.tensor(ids(8, 32, vocab, seed=1))


def train():
    torch, model = load()
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    tokens, labels = training_batch(torch, model.config.vocab_size)

    def step():
        optimizer.zero_grad()
        model(input_ids=tokens, labels=labels).loss.backward()
        optimizer.step()

    report(timed(step, args.repeats, warm=2), batch=8, input_tokens=128, target_tokens=32,
           parameters=sum(p.numel() for p in model.parameters()))


def frozen():
    torch, model = load()
    model.train().requires_grad_(False)
    tokens, labels = training_batch(torch, model.config.vocab_size)
    prompt = torch.nn.Parameter(model.shared.weight[3:23].clone())
    optimizer = torch.optim.AdamW([prompt], lr=1e-2)

    def step():
        optimizer.zero_grad()
        inputs = torch.cat([prompt.expand(8, -1, -1), model.shared(tokens)], dim=1)
        model(inputs_embeds=inputs, labels=labels).loss.backward()
        optimizer.step()

    report(timed(step, args.repeats, warm=2), batch=8, prompt_tokens=20, input_tokens=128, target_tokens=32)


if args.child:
    {"encoder": encoder, "decode": decode, "first_token": first_token, "train": train, "frozen": frozen}[args.child]()
else:
    parent(args, "pytorch", version("torch"))
