"""Writes test/fixtures/tokenizers: two small tokenizers trained with the Python library, and what it does with odd text."""

import json
import random
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from tokenizers import Regex

OUT = Path(__file__).parent.parent / "test" / "fixtures" / "tokenizers"

SENTENCES = [
    "The harbour was quiet when the last ferry came in, and nobody on the pier said a word.",
    "Is this review positive or negative? I would not watch it again, but the music was wonderful.",
    "In 1997 the bridge carried 12,400 cars a day; by 2019 it carried 31,050.",
    "She wrote: \"Don't wait for me\", folded the paper twice and left it under the lamp.",
    "What kind of question is this? It asks for a place, a person, a number or a reason.",
    "Bakers rise early because bread needs time: flour, water, salt and a warm corner.",
    "The committee's answer (three pages long) didn't say whether the price would rise by 5 % or 7 %.",
    "Grüße aus Köln! Die Straße führt über den Fluß, naïve café, façade, señor, smörgåsbord.",
    "Une journée d'été à la campagne, où l'on mange des crêpes près du château.",
    "First read the passage, then choose the answer that follows from it: yes, no, or it is not possible to say.",
    "Rain fell on the roofs and the gutters, on the gardens and on the empty square.",
    "def area(width, height): return width * height  # square metres",
]

ODD = [
    "", " ", "  ", "a", " a", "a ", "  a  b  ", "\t", "\n", "a\nb", "a\r\nb\tc", "\u00a0", "a\u00a0b", "\u3000x", "\u200b", "a\u200bb",
    "The", "the", "THE HARBOUR", "don't", "can't've", "'s", "''", "5 %", "12,400.50", "3.14159", "1e-5", "0x1F",
    "Köln", "Ko\u0308ln", "e\u0301te\u0301", "ﬁne ﬂow", "½ cup", "x²", "Ⅳ", "ＡＢＣ", "！？", "…", "a…b", "—", "“quoted”",
    "日本語のテキスト", "中文 text 混合", "한국어", "\u1112\u1161\u11ab", "русский язык", "ελληνικά", "עברית", "العربية", "हिन्दी", "ไทย",
    "😀", "a😀b", "👨‍👩‍👧", "👍🏽", "🇩🇪", "e\u0300\u0301\u0302", "\u0301", "a\ufeffb", "\ufffd", "\U0001d54f", "▁", "a▁b", "▁▁ x",
    "</s>", "a</s>b", "a </s> b", "<pad>", "<unk>", "<extra_id_0>", "x <extra_id_0> y <extra_id_1> z", "<extra_id_0><extra_id_1>",
    "<extra_id_99>", "<0x41>", "<0xE2>", "<s>", "< /s>", "</s></s>", "＜/s＞",
    "https://example.org/a?b=c&d=%20", "user@example.org", "C:\\path\\file", "{\"key\": [1, 2, null]}", "a=b;c=d", "~`^|\\{}<>",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "ababababababababab", "..........", "!!!???", "- - - -", "_under_score_", "camelCaseWord",
    "a" * 200, "word " * 40, "\x01\x02", "\x7f", "a\x00b", "tab\tseparated\tvalues", "line one\n\nline three", "trailing newline\n",
]


def cases() -> list[str]:
    rng = random.Random(7)
    texts = list(dict.fromkeys(ODD + SENTENCES))
    alphabet = "abc  .,é\u0301ß😀▁日\n<>/s'1"
    for _ in range(60):
        texts.append("".join(rng.choice(alphabet) for _ in range(rng.randint(1, 24))))
    for _ in range(40):
        a, b = rng.choice(SENTENCES), rng.choice(ODD)
        cut = rng.randrange(len(a))
        texts.append(a[:cut] + b[:40] + a[cut:cut + 30])
    return texts


def unigram() -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Strip(left=False, right=True), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    trainer = trainers.UnigramTrainer(
        vocab_size=420, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES * 3, trainer)
    tokenizer.add_special_tokens(
        [AddedToken(f"<extra_id_{i}>", lstrip=True, rstrip=True, special=True, normalized=False) for i in range(3)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    return tokenizer


def bpe() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    pieces = [f"<0x{i:02X}>" for i in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=["<unk>", "<s>", "</s>", *pieces], show_progress=False, max_token_length=12
    )
    # Trained on words, as the reference converts such models: merges never cross a space except in front of it.
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    tokenizer.train_from_iterator(SENTENCES * 3, trainer)
    tokenizer.pre_tokenizer = None
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(content=" ", left=1)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    spec = json.loads(tokenizer.to_str())
    spec["added_tokens"] = [token for token in spec["added_tokens"] if not token["content"].startswith("<0x")]
    return Tokenizer.from_str(json.dumps(spec))


def byte_level() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=["<|endoftext|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(SENTENCES * 3, trainer)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def utf16(text: str, index: int) -> int:
    return len(text[:index].encode("utf-16-le", "surrogatepass")) // 2


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    for name, tokenizer in (("unigram", unigram()), ("bpe-bytes", bpe()), ("byte-level", byte_level())):
        (OUT / f"{name}.json").write_text(tokenizer.to_str() + "\n")
        rows = []
        for text in cases():
            encoded = tokenizer.encode(text)
            offsets = [[utf16(text, start), utf16(text, end)] for start, end in encoded.offsets]
            decoded = tokenizer.decode(encoded.ids, skip_special_tokens=False)
            rows.append({"text": text, "ids": encoded.ids, "offsets": offsets, "decoded": decoded})
        lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
        (OUT / f"{name}.cases.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
