"""What transformers answers with a GGUF file's weights in fp32: ids of greedy answers to ten prompts, for gguf_answers.js.

    python parity/gguf_answers.py MODEL.gguf answers.json

Needs accelerate beside transformers.
"""

import json
import sys
from pathlib import Path

import gguf
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

prompts = [
    "What is the capital of France?",
    "Write a haiku about the sea.",
    "Explain photosynthesis in one sentence.",
    "List three prime numbers.",
    "Translate to French: good morning",
    "Who wrote Hamlet?",
    "What is 17 plus 25?",
    "Give me a name for a cat.",
    "Why is the sky blue?",
    "Finish this: Once upon a time,",
]
new_tokens = 64

path = Path(sys.argv[1])
# A base model has no template: it goes on with the prompt as it is.
field = gguf.GGUFReader(path).fields.get("tokenizer.chat_template")
tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32).eval()
ends = {token for token in [tokenizer.eos_token_id] if token is not None}
ends |= {
    id
    for text, id in tokenizer.get_vocab().items()
    if text in ("<|im_end|>", "<end_of_turn>", "<|eot_id|>")
}
rows = []
for prompt in prompts:
    messages = [{"role": "user", "content": prompt}]
    options = dict(add_generation_prompt=True, tokenize=False)
    text = tokenizer.apply_chat_template(messages, chat_template=field.contents(), **options) if field else prompt
    ids = tokenizer(text, add_special_tokens=field is None)["input_ids"]
    answer = []
    margins = []
    with torch.no_grad():
        given = torch.tensor([ids])
        cache = None
        for _ in range(new_tokens):
            out = model(given, past_key_values=cache, use_cache=True)
            cache = out.past_key_values
            best = torch.topk(out.logits[0, -1], 2)
            answer.append(int(best.indices[0]))
            margins.append(float(best.values[0] - best.values[1]))
            if answer[-1] in ends:
                break
            given = torch.tensor([[answer[-1]]])
    rows.append({"prompt": prompt, "text": text, "ids": ids, "answer": answer, "smallest_margin": min(margins)})
    print(prompt, "->", tokenizer.decode(answer), flush=True)
Path(sys.argv[2]).write_text(json.dumps(rows))
