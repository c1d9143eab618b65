"""Writes test/fixtures/tokenizers/families.json.br: small tokenizers of the first families as their folders hold them
(vocab.txt alone, vocab.json with merges.txt, no file at all, tokenizer.json), trained on this project's own pages, and
what transformers makes of odd strings, of pairs of them and of every place where a token can be declared.

Needs transformers 5.24, tokenizers 0.23, brotli.
"""

import json
import random
import tempfile
from pathlib import Path

import brotli
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, BertTokenizer, ByT5Tokenizer, GPT2Tokenizer, MPNetTokenizer, PreTrainedTokenizerFast
from transformers import Qwen2Tokenizer, RobertaTokenizer

from tokenizer_kinds import LLAMA3
from tokenizer_strings import corpus, strings, utf16

OUT = Path(__file__).parent.parent / "test" / "fixtures" / "tokenizers" / "families.json.br"
SPECIAL = [
    "[CLS]", "[SEP] a", "a [MASK] b", "a[MASK]b", "[mask]", "<s>", "</s>", "a </s> b", "  <mask>  x", "a<mask>b", "<|endoftext|>", "a <|endoftext|> b",
    "<|im_start|>user\nhi<|im_end|>", "<extra_id_0>", "a <extra_id_3> b", "<pad>", "[PAD] a", "[UNK]", "<unk>a", "wow <tbl> bar", "xtbly", "tbl", "x tbl y", "<ORG>  a", "a  <ORG>",
    "é<ORG>é", "<|endoftext|>" * 3, "a\u0085b", "a\ufeff b", "\u001cb", "a\u001fb", "İstanbul", "ΑΣ ΑΣΑ", "ŉ", "ﬀ", "a\u00adb", "a\u2028b", "𠀀𠀁", "a\u0300\u0301b", "ｱｲ", "'S 'LL it'ſ",
    "1234567890 ١٢٣ ²³ ⅷ", "\r\n\r\n  x", "x   \n  y", "\n \n", "   ", "a   b    c", "don't DON'T", "a_b c-d", "x" * 101, "x" * 100, "日本 語\u3000文", "\x00a\ufffdb\x7f", "e.g., ($5.00)!",
]


O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# Every construct of Oniguruma's that is read, and where it differs from JavaScript.
PATTERNS = [
    LLAMA3, O200K, r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"\d", r"\D+", r"\w+", r"\W", r"\s", r"\S+", r"\h+", r"\H", r".", r"(?m:.)", r"^", r"$", r"^.", r".$", r"\A.", r".\z", r".\Z", r"\b", r"\B", r"\bt\w*",
    r"a*", r"a*?", r"(?:a|b)*?b", r"a+?", r"a??b", r"a{2}", r"a{2}?", r"a{,2}", r"a{1,2}?", r"x{", r"x{,}", r"a{1,2}{2}", r"(?:ab)+", r"(a+)+", r"(a*)*", r"a++b", r"a?+a", r"a*+",
    r"(?i:ΑΣ)", r"(?i:[a-c]+)", r"(?i:[^a])", r"a(?i)b|c", r"(?-i:a)", r"(?i:k|s)", r"(?#note)a", r"(?<name>a)b", r"a|", r"|a", r"(?:)", r"()",
    r"[a-c&&[^b]]", r"[^a-c&&[^b]]", r"[a[bc]]", r"[[:alpha:]]+", r"[[:^alpha:]]+", r"[[:punct:]]", r"[[:space:]]", r"[]a]", r"[a-]", r"[\-a]", r"[\w-]", r"[\n\t\r]", r"[\u0041-\u0043]", r"[\x41-\x5a]",
    r"\p{Han}+", r"\p{Latin}+", r"\p{Alpha}+", r"\p{^L}+", r"\P{L}+", r"\p{Letter}", r"\p{Upper}", r"\p{Lu}\p{Ll}*", r"\p{Nd}", r"\p{M}", r"\p{hiragana}", r"\p{Greek}", r"\p{Sc}", r"\p{word}+", r"\p{Emoji}",
    r"a(?=b)", r"a(?!b)", r"(?<=a)b", r"(?<!a)b", r"(?<=\s)\w", r"(?!a)\w", r"(?=a)", r"(?<!\S)\w+", r"\w+(?=\s|$)", r"(?:(?!ab).)+", r"\x{1F600}", r"\u00e9", r"\e|\a|\v|\f", r"\/", r"\.", r"\ ",
]
PATTERN_TEXTS = [
    "", "a", "b", "ab", "aab", "aaa", "ba ab b", "abcABC xyz", "x{,} x{ xx", "the tail\nthat two\n", "\n", "a\r\nb\n\n c", "don't IT'S it'ſ we'LL", "Straße STRASSE straſſe", "ασ ΑΣ ας K K", "日本語 ひらがな カタカナ",
    "é e\u0301 ﬁ", "١٢٣ 45 ² ⅷ", "a  b   c ", "   ", " \u0085\u00a0\u2028 \u3000", "\ufeffa", "😀 👍🏽 €5", "a_b-c.d/e\\f[g]", "\x1b\x07\x0b\x0c\x00", "word_1 ΣΊΣΥΦΟΣ \u200d\u203f", "a\u0130\u0131", "aabbcc" * 5, "CamelCaseWORD's 12345",
]


def patterns() -> list[dict]:
    rows = []
    for pattern in PATTERNS:
        replace = normalizers.Replace(Regex(pattern), "¦")
        rows.append({"pattern": pattern, "replaced": [replace.normalize_str(text) for text in PATTERN_TEXTS]})
    return rows


def random_texts() -> list[str]:
    rng = random.Random(5)
    ranges = [(0x20, 0x7E)] * 6 + [(0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x52F), (0x590, 0x6FF), (0x900, 0x97F), (0x1100, 0x11FF), (0x2000, 0x20CF)]
    ranges += [(0x3040, 0x30FF), (0x4E00, 0x4FFF), (0xAC00, 0xACFF), (0x1F300, 0x1F6FF), (0x9, 0xD), (0x80, 0x9F), (0xFE00, 0xFFFD), (0x1D400, 0x1D4FF)]
    return ["".join(chr(rng.randint(*rng.choice(ranges))) for _ in range(rng.randint(1, 20))) for _ in range(120)]


def texts() -> list[str]:
    return list(dict.fromkeys([*SPECIAL, *strings()[::3], *random_texts()]))


def trained(model, pre_tokenizer, trainer, normalizer=None) -> dict:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.train_from_iterator(corpus(), trainer)
    return json.loads(tokenizer.to_str())["model"]


def word_pieces(special: list[str], lowercase: bool) -> str:
    trainer = trainers.WordPieceTrainer(vocab_size=700, special_tokens=special, show_progress=False)
    model = trained(models.WordPiece(unk_token="[UNK]"), pre_tokenizers.BertPreTokenizer(), trainer, normalizers.BertNormalizer(lowercase=lowercase))
    return "".join(f"{piece}\n" for piece, _ in sorted(model["vocab"].items(), key=lambda item: item[1]))


def byte_pairs(special: list[str], pre_tokenizer=None) -> dict:
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=special, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    return trained(models.BPE(), pre_tokenizer or pre_tokenizers.ByteLevel(add_prefix_space=False), trainer)


def vocab_files(special: list[str]) -> dict[str, str]:
    model = byte_pairs(special)
    merges = "".join(f"{a} {b}\n" for a, b in model["merges"])
    return {"vocab.json": json.dumps(model["vocab"], ensure_ascii=False), "merges.txt": "#version: 0.2\n" + merges}


def smollm() -> dict[str, str]:
    tokenizer = Tokenizer(models.BPE(**{"vocab": None, "merges": None}))
    split = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    model = byte_pairs(["<|endoftext|>", "<|im_start|>", "<|im_end|>"], split)
    tokenizer = Tokenizer(models.BPE(vocab=model["vocab"], merges=[tuple(merge) for merge in model["merges"]]))
    tokenizer.pre_tokenizer = split
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    return {"tokenizer.json": tokenizer.to_str(), "tokenizer_config.json": json.dumps({"eos_token": "<|im_end|>", "bos_token": "<|im_start|>"})}


def declared() -> dict[str, str]:
    """A tokenizer.json with tokens that only its settings name, of each kind of flags."""
    files = smollm()
    spec = json.loads(files["tokenizer.json"])
    spec["normalizer"] = {"type": "Lowercase"}
    size = len(spec["model"]["vocab"])
    plain = {"lstrip": False, "rstrip": False, "normalized": False, "single_word": False, "special": True}
    added = {
        **{str(token["id"]): {**plain, "content": token["content"]} for token in spec["added_tokens"]},
        str(size): {**plain, "content": "<tbl>"},
        str(size + 1): {**plain, "content": "tbl", "single_word": True, "special": False},
        str(size + 2): {**plain, "content": "<ORG>", "lstrip": True, "rstrip": True, "normalized": False, "special": False},
        str(size + 3): {**plain, "content": "wow", "normalized": True, "special": False},
    }
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>", "pad_token": "[PAD]", "added_tokens_decoder": added, "additional_special_tokens": ["<mask>"]}
    return {"tokenizer.json": json.dumps(spec), "tokenizer_config.json": json.dumps(config)}


def legacy() -> dict[str, str]:
    """The files of old: added_tokens.json and special_tokens_map.json."""
    files = smollm()
    size = len(json.loads(files["tokenizer.json"])["model"]["vocab"])
    return {
        "tokenizer.json": files["tokenizer.json"],
        "tokenizer_config.json": json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"}),
        "added_tokens.json": json.dumps({"<tbl>": size, "tbl": size + 1}),
        "special_tokens_map.json": json.dumps({"eos_token": "<|im_end|>", "pad_token": {"content": "[PAD]", "lstrip": False, "rstrip": True, "normalized": False, "single_word": False}}),
    }


def llama3() -> dict[str, str]:
    split = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    model = byte_pairs([], split)
    tokenizer = Tokenizer(models.BPE(vocab=model["vocab"], merges=[tuple(merge) for merge in model["merges"][:-80]], ignore_merges=True))
    tokenizer.pre_tokenizer = split
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|begin_of_text|>", "<|eot_id|>"])
    begin = ("<|begin_of_text|>", tokenizer.token_to_id("<|begin_of_text|>"))
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|>:1 $B:1", special_tokens=[begin]),
    ])
    return {"tokenizer.json": tokenizer.to_str(), "tokenizer_config.json": "{}"}


def llama2() -> dict[str, str]:
    pieces = [f"<0x{i:02X}>" for i in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=900, special_tokens=["<unk>", "<s>", "</s>", *pieces], show_progress=False, max_token_length=12)
    normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    model = trained(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True), pre_tokenizers.Split("▁", "merged_with_next"), trainer, normalizer)
    tokenizer = Tokenizer(models.BPE(vocab=model["vocab"], merges=[tuple(merge) for merge in model["merges"]], unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(content=" ", left=1)])
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)])
    return {"tokenizer.json": tokenizer.to_str(), "tokenizer_config.json": "{}"}


def files_of() -> dict[str, tuple[type, dict[str, str]]]:
    bert = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    roberta = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    config = lambda **settings: {"tokenizer_config.json": json.dumps(settings)}
    mask = {"__type": "AddedToken", "content": "<mask>", "lstrip": True, "rstrip": False, "single_word": False, "normalized": False, "special": True}
    return {
        "bert, vocab.txt alone": (BertTokenizer, {"vocab.txt": word_pieces(bert, True)}),
        "bert, cased": (BertTokenizer, {"vocab.txt": word_pieces(bert, False), **config(tokenizer_class="BertTokenizer", do_lower_case=False)}),
        "bert, accents kept, no blanks around Chinese": (
            BertTokenizer, {"vocab.txt": word_pieces(bert, True), **config(strip_accents=False, tokenize_chinese_chars=False)}),
        "mpnet, vocab.txt": (MPNetTokenizer, {"vocab.txt": word_pieces(["<s>", "<pad>", "</s>", "[UNK]", "<mask>"], True), **config(tokenizer_class="MPNetTokenizer", mask_token={**mask, "lstrip": False})}),
        "gpt2, vocab.json and merges.txt": (GPT2Tokenizer, vocab_files(["<|endoftext|>"])),
        "gpt2, with a space in front and a first token": (
            GPT2Tokenizer, {**vocab_files(["<|endoftext|>"]), **config(tokenizer_class="GPT2Tokenizer", add_prefix_space=True, add_bos_token=True)}),
        "roberta, vocab.json and merges.txt": (
            RobertaTokenizer, {**vocab_files(roberta), **config(tokenizer_class="RobertaTokenizer", mask_token=mask)}),
        "qwen2, vocab.json and merges.txt": (Qwen2Tokenizer, {**vocab_files(["<|endoftext|>"]), **config(tokenizer_class="Qwen2Tokenizer")}),
        "byt5, no file": (ByT5Tokenizer, config(tokenizer_class="ByT5Tokenizer", eos_token="</s>", unk_token="<unk>", pad_token="<pad>", extra_ids=125)),
        "smollm": (PreTrainedTokenizerFast, smollm()),
        "tokens declared beside the file": (PreTrainedTokenizerFast, declared()),
        "tokens declared in the files of old": (PreTrainedTokenizerFast, legacy()),
        "llama 3": (PreTrainedTokenizerFast, llama3()),
        "llama 2": (PreTrainedTokenizerFast, llama2()),
    }


def main() -> None:
    single = texts()
    rng = random.Random(3)
    pairs = [[rng.choice(single), rng.choice(single)] for _ in range(80)] + [["", "b"]]
    # An empty second text is none for transformers; the library below it, and this program, have a pair then.
    pairs = [pair for pair in pairs if pair[1]]
    out = {"texts": single, "pairs": pairs, "kinds": [], "patternTexts": PATTERN_TEXTS, "patterns": patterns()}
    for name, (kind, files) in files_of().items():
        with tempfile.TemporaryDirectory() as folder:
            for file, content in files.items():
                (Path(folder) / file).write_text(content)
            tokenizer = kind.from_pretrained(folder)
            row = {"name": name, "files": files}
            fast = tokenizer.is_fast
            made = [tokenizer(text, return_offsets_mapping=fast) for text in single]
            row["ids"] = [encoded["input_ids"] for encoded in made]
            if fast:
                row["offsets"] = [
                    [utf16(text, at) for span in encoded["offset_mapping"] for at in span] for text, encoded in zip(single, made)
                ]
            row["decoded"] = [tokenizer.decode(ids, skip_special_tokens=False) for ids in row["ids"]]
            row["skipped"] = [tokenizer.decode(ids, skip_special_tokens=True) for ids in row["ids"]]
            both = [tokenizer(a, b, return_token_type_ids=True, return_offsets_mapping=fast) for a, b in pairs]
            row["pairIds"] = [encoded["input_ids"] for encoded in both]
            row["typeIds"] = [encoded["token_type_ids"][: len(encoded["input_ids"])] for encoded in both]
            if fast:
                row["sequences"] = [[-1 if i is None else i for i in encoded.sequence_ids(0)] for encoded in both]
                row["pairOffsets"] = [
                    [
                        utf16(pair[which or 0], at)
                        for span, which in zip(encoded["offset_mapping"], encoded.sequence_ids(0)) for at in span
                    ]
                    for pair, encoded in zip(pairs, both)
                ]
            out["kinds"].append(row)
    data = json.dumps(out, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    OUT.write_bytes(brotli.compress(data, quality=11, lgwin=24))
    print(OUT, OUT.stat().st_size, len(single), len(pairs))


if __name__ == "__main__":
    main()
