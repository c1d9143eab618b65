"""Writes test/fixtures/chat: templates of our own in the styles of published ones, what transformers makes of them, and
a tiny model that talks. See README.md."""
import copy
import glob
import os

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.utils import chat_template_utils

from common import fresh_folder, write_json
from tiny import WRITER, generate, randomise, save

HERE = os.path.dirname(os.path.abspath(__file__))
SPECIAL = ["<s>", "</s>", "<pad>", "<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
           "<start_of_turn>", "<end_of_turn>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "[INST]", "[/INST]"]
# Found in texts, but no special ones.
ADDED = ["<think>", "</think>", "<tool_call>", "</tool_call>"]
TEXTS = ["What is the capital of the country?", "The answer is in the question.", "Tell me a story about the sea.",
         "user assistant system model", "Once there was a ship that went to the sea and never came home again."]

SYSTEM = {"role": "system", "content": "  Be brief, and <b>kind</b>. "}
TALK = [{"role": "user", "content": "Hi <b>& \"you\"</b>"}, {"role": "assistant", "content": " Hello there.\n"},
        {"role": "user", "content": "Ünï 日本 🙂?\n"}]
THOUGHT = [TALK[0], {"role": "assistant", "content": "<think>\na\nb\n</think>\n\nYes."}, TALK[2]]
TOOLS = [{"type": "function", "function": {"name": "add", "description": "Adds ‘two’ numbers <&>", "parameters": {
    "type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}, "required": ["a", "b"]}}}]
CALLS = [TALK[0], {"role": "assistant", "content": "", "tool_calls": [
    {"type": "function", "function": {"name": "add", "arguments": {"a": 1, "b": 2.5, "c": None}}}]},
    {"role": "tool", "name": "add", "content": "3"}, {"role": "tool", "name": "add", "content": "{\"x\": \"3\"}"}]
PARTS = [{"role": "user", "content": [{"type": "text", "text": " one "}, {"type": "text", "text": "two"}]}]
ENDED = [TALK[0], {"role": "assistant", "content": "I think<think>.</think> so"}]
DOCUMENTS = [{"title": "first things", "text": "abcdef"}, {"title": "b", "text": "xyz"}]
PLAIN = [("talk", TALK, {}), ("system", [SYSTEM, *TALK], {}), ("closed", TALK[:2], {"add_generation_prompt": False})]
CASES = {
    "chatml": PLAIN,
    "inst": [*PLAIN, ("twice", [TALK[0], TALK[0]], {})],
    "headers": [*PLAIN, ("tool", CALLS[:1] + CALLS[2:], {})],
    "turns": [*PLAIN, ("parts", PARTS, {}), ("twice", [SYSTEM, TALK[1]], {})],
    "bars": [*PLAIN, ("skipped", [TALK[0], CALLS[2], TALK[2]], {})],
    "brackets": [*PLAIN, ("tools", TALK, {"tools": TOOLS}), ("calls", CALLS, {"tools": TOOLS})],
    "thinking": [*PLAIN, ("thought", THOUGHT, {}), ("thinks", THOUGHT[:2], {"add_generation_prompt": False}),
                 ("tools", [SYSTEM, *TALK], {"tools": TOOLS}), ("calls", CALLS, {"tools": TOOLS}), ("parts", PARTS, {}),
                 ("quiet", TALK, {"enable_thinking": False}), ("odd", ENDED, {})],
    "filters": [("talk", [SYSTEM, *TALK], {}), ("documents", TALK, {"documents": DOCUMENTS})],
}


class Clock:
    """The day that every rendering happens on."""
    @staticmethod
    def now():
        import datetime
        return datetime.datetime(2024, 3, 5, 14, 7, 9)


def tokenizer():
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=256 + len(SPECIAL) + 24, special_tokens=SPECIAL, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    made.train_from_iterator(TEXTS, trainer)
    made.add_tokens([AddedToken(content, special=False, normalized=False) for content in ADDED])
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>", pad_token="<pad>")


def render(words, template, messages, options):
    options = dict(options)
    given = {"tools": options.pop("tools", None), "documents": options.pop("documents", None),
             "add_generation_prompt": options.pop("add_generation_prompt", True)}
    try:
        text = words.apply_chat_template(messages, chat_template=template, tokenize=False, **given, **options)
    except Exception as error:
        return {"error": str(error)}
    return {"text": text, "ids": words(text, add_special_tokens=False).input_ids}


def talks(model, double, words, template, conversations):
    """Greedy answers; none if float64 says otherwise."""
    end = words.convert_tokens_to_ids("<|im_end|>")
    ends = [words.eos_token_id, end]
    rows = [words.apply_chat_template(c, chat_template=template, add_generation_prompt=True, return_dict=False)
            for c in conversations]
    answers = [generate(model, [row], {}, ends, pad_id=2, new=16)[0][0] for row in rows]
    if answers != [generate(double, [row], {}, ends, pad_id=2, new=16)[0][0] for row in rows]:
        return None
    ended = [answer[-1] == end for answer in answers]
    if not any(ended) or all(ended) or min(map(len, answers)) < 3:
        return None
    text = [words.decode([t for t in a if t != end], skip_special_tokens=True) for a in answers]
    return [{"messages": c, "ids": r, "tokens": a, "text": t} for c, r, a, t in zip(conversations, rows, answers, text)]


def main():
    chat_template_utils.datetime = Clock
    words = tokenizer()
    templates = {os.path.basename(f)[:-6]: open(f).read() for f in sorted(glob.glob(os.path.join(HERE, "chat", "*.jinja")))}
    cases = []
    for name, rows in CASES.items():
        for label, messages, options in rows:
            cases.append({"name": f"{name}-{label}", "template": name, "messages": messages, "options": options,
                          **render(words, templates[name], messages, options)})
    conversations = [TALK[:1], [SYSTEM, *TALK], TALK, [{"role": "user", "content": "Tell me a story about the sea."}]]
    for seed in range(1000):
        config = LlamaConfig(vocab_size=len(words), hidden_size=16, intermediate_size=20, num_hidden_layers=2,
                             num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=160, bos_token_id=0,
                             eos_token_id=1, pad_token_id=2, tie_word_embeddings=True)
        model = randomise(LlamaForCausalLM(config), seed)
        with torch.no_grad():
            model.model.embed_tokens.weight[words.convert_tokens_to_ids("<|im_end|>")] *= 2
        made = talks(model, copy.deepcopy(model).double(), words, templates["chatml"], conversations)
        if made:
            break
    folder = fresh_folder("chat")
    model_folder = os.path.join(folder, "model")
    os.makedirs(model_folder)
    save(model, model_folder)
    words.backend_tokenizer.save(os.path.join(model_folder, "tokenizer.json"))
    for name, content in [
        ("tokenizer_config.json", {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>",
                                   "chat_template": templates["chatml"], "tokenizer_class": "PreTrainedTokenizerFast"}),
        ("generation_config.json", {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2, "do_sample": True,
                                    "temperature": 0.7, "top_k": 20, "top_p": 0.9}),
    ]:
        write_json(os.path.join(model_folder, name), content)
    write_json(os.path.join(folder, "expected.json"), {
        "writer": WRITER, "seed": seed, "now": Clock.now().isoformat(), "templates": templates, "cases": cases, "talks": made})
    print(seed, [c["name"] for c in cases if "error" in c], [t["tokens"] for t in made])


main()
