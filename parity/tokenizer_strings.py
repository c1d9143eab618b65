"""A thousand odd strings, the same on every run: what tokenizers are compared on."""

import random
from pathlib import Path

ROOT = Path(__file__).parent.parent

ATOMS = [
    " ", "  ", "   ", "\t", "\n", "\r\n", "\n\n", "\u00a0", "\u2003", "\u3000", "\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u0085", "\u2028", "\x0b",
    "\x00", "\x01", "\x1b", "\x1f", "\x7f", "\x9f", "\ufffd", "\ue000", "\ufdd0", "\U0010ffff", "\U000e0041",
    "e\u0301", "e\u0301\u0323", "a\u0300\u0301\u0302\u0303", "\u0301", "\u0345", "o\u0308\u0304", "ｅ\u0301", "Ａ\u030a", "ố", "ñ", "ß", "ẞ", "İ", "ı", "ſ", "Å", "Ω", "µ",
    "ﬁ", "ﬂ", "ﬃ", "½", "⅔", "x²", "₂", "Ⅳ", "ⅷ", "㎏", "㍿", "①", "㊙", "™", "℡", "…", "‥", "ﷺ", "ﷻ", "ŉ", "Ǆ", "⑽", "㋿",
    "ＡＢＣ", "ｆｕｌｌ", "！？", "＜/s＞", "＿", "～", "ｶﾞ", "ﾊﾟ", "カ\u3099", "゛", "￥", "〜",
    "한국어", "\u1112\u1161\u11ab", "\u1100\u1161", "\u1161", "ㅎ", "ﾡ", "각\u11a8",
    "العربية", "ﻻ", "لا", "ﺎ", "بِسْمِ", "١٢٣", "עברית", "שׁ", "ไทย", "น้ำ", "กำ", "हिन्दी", "क्षि", "தமிழ்", "বাংলা", "မြန်မာ", "ខ្មែរ", "ᠮᠣᠩ",
    "日本語", "中文", "汉字漢字", "豈", "𠀀", "𠮷野家", "русский", "Ελληνικά", "ΣΑΣ", "Ωμέγα", "ქართული", "አማርኛ", "ᎣᏏᏲ",
    "😀", "👍🏽", "👨‍👩‍👧", "🏳️‍🌈", "🇩🇪", "🇩", "1️⃣", "❤️", "❤", "𝕏", "𝔘𝔫𝔦", "𐍈", "𝟘𝟙", "🤷🏾‍♀️", "\U0001f9ff",
    "▁", "▁▁", "a▁b", "Ġ", "Ċ", "##", "##ing", "Ã©", "<0x41>", "<0xE2>", "<0x0A>",
    "</s>", "<s>", "<pad>", "<unk>", "<extra_id_0>", "<extra_id_1>", "<extra_id_5>", "<extra_id_99>", "<extra_id_100>", "[CLS]", "[SEP]", "[MASK]", "[UNK]",
    "<|endoftext|>", "<|begin_of_text|>", "<|eot_id|>", "<tool>", "tool", "TOOL", "< /s>", "</ s>", "</S>", "⁇", " ⁇ ", "⟨x⟩", "don't", "'ll", "I'VE", "’s", "can't've",
    "the", "The", "harbour", "house", "review", "unbelievable", "tokenization", "antidisestablishmentarianism", "HTTPServer", "snake_case_name", "camelCase",
    "0", "7", "42", "123", "1234", "12345678", "3.14159", "1e-5", "0x1F", "12,400.50", "5 %", "$9", "-1",
    ".", ",", "...", "!", "?!", ":", ";", "-", "--", "—", "–", "(", ")", "[x]", "{", "}", "~", "^", "`", "\\", "|", "<", ">", "=", "+", "@", "#", "&", "*", "/", "_", "\"", "“", "”", "«", "«»", "·", "•", "→", "€", "£", "°",
    "a", "b", "I", "x", "z", "Q", "qz", "éé", "naïve", "Straße", "ЁЖ", "def f(x):\n    return x\n", "if (a) {\n\tb;\n}", "http://a.b/c?d=e&f=%20", "user@example.org",
]

SHAPES = [
    "", " ", "  ", "\t", "\n", " \n ", "▁", " ▁", "▁ ", "a ", " a", "  a  b  ", "\u00a0a\u00a0", "\u3000", "a\u200b", "\u200b", "\u0301", "\u0301a", "</s>", "</s></s>", "a</s>",
    " </s> ", "a </s> b", "</s>a", "x<extra_id_5>y", "x <extra_id_5> y", "<extra_id_5>", " <extra_id_5>  <extra_id_0>", "in<extra_id_1>side", "a\u00a0<extra_id_0>\u00a0b",
    "a\u001c<extra_id_0>\u001cb", "a\ufeff<extra_id_0>\ufeffb", "a\u0085<extra_id_0>\u0085b", "ending </s>", "<unk>", "a<unk>b", "<pad> a", "tool box", "toolbox", "a tool", "a  tool  b", "stool",
    "\r\n", "a\r\nb", "\r", "\ufeffa", "a" * 300, "ab" * 200, "é" * 100, "日" * 120, "😀" * 60, "word " * 60, " " * 50, "a" + " " * 30 + "b", "!" * 90, "1" * 77, "\u0301" * 40, "qzx" * 70,
    "ﷺ" * 10, "가" * 30, "▁" * 20, "<" * 30, "</s>" * 20, "\n" * 12, "\t\t\tx", "x" * 99 + " " + "y" * 101,
]


def strings() -> list[str]:
    rng = random.Random(20)
    texts = list(dict.fromkeys([*SHAPES, *ATOMS, *(f"a{atom}b" for atom in ATOMS), *(f"The {atom} house" for atom in ATOMS[::2])]))
    while len(texts) < 1000:
        count = rng.choice([2, 2, 3, 4, 5, 8, 12])
        texts.append(rng.choice(["", "", " "]).join(rng.choice(ATOMS) for _ in range(count)))
    return texts[:1000]


def corpus() -> list[str]:
    """What the small tokenizers are trained on: the pages of docs/ and a few lines of other scripts."""
    lines = []
    for page in sorted((ROOT / "docs").glob("*.md")):
        lines += [line.strip() for line in page.read_text().splitlines() if 20 < len(line.strip()) < 400]
    extra = ["Grüße aus Köln, naïve café, façade, señor.", "日本語のテキスト 中文 漢字", "한국어 русский язык", "العربية עברית", "½ ① ﬁne 😀 👍"]
    return lines + extra * 4


def utf16(text: str, index: int) -> int:
    return len(text[:index].encode("utf-16-le", "surrogatepass")) // 2
