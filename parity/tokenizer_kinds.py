"""Writes test/fixtures/tokenizers/kinds.json.br: small tokenizers of every kind that model folders hold as
tokenizer.json, trained on this project's own pages, and what the tokenizers library makes of a thousand odd strings.

Needs tokenizers, brotli, and the models that sentencepiece_cases.py wrote.
"""

import base64
import json
from pathlib import Path

import brotli
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from tokenizer_strings import corpus, strings, utf16

HERE = Path(__file__).parent.parent / "test" / "fixtures" / "tokenizers"
OUT = HERE / "kinds.json.br"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TOOLS = [
    AddedToken("<tool>", lstrip=True, rstrip=True, special=False, normalized=True),
    AddedToken("tool", single_word=True, special=False, normalized=True),
    AddedToken("<|endoftext|>", special=True, normalized=False),
]


def charsmap() -> bytes:
    """The normaliser of the first model in the fixtures of sentencepiece_cases.py."""
    from sentencepiece import sentencepiece_model_pb2 as pb

    fixture = json.loads(brotli.decompress((HERE / "sentencepiece.json.br").read_bytes()))
    model = pb.ModelProto()
    model.ParseFromString(bytes.fromhex(fixture["models"][0]))
    return model.normalizer_spec.precompiled_charsmap


def unigram(normalizer, pre_tokenizer, **options) -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    trainer = trainers.UnigramTrainer(
        vocab_size=600, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False, **options
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    return tokenizer


def t5() -> Tokenizer:
    metaspace = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    normalizer = normalizers.Sequence(
        [normalizers.Precompiled(charsmap()), normalizers.Strip(left=False, right=True), normalizers.Replace(Regex(" {2,}"), "▁")]
    )
    tokenizer = unigram(normalizer, metaspace)
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    tokenizer.add_special_tokens(
        [AddedToken(f"<extra_id_{i}>", lstrip=True, rstrip=True, special=True, normalized=False) for i in range(6)]
    )
    return tokenizer


def t5_new() -> Tokenizer:
    """The form that transformers 5 makes from spiece.model."""
    split = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=True)]
    )
    tokenizer = unigram(normalizers.Precompiled(charsmap()), split)
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always", split=True)
    tokenizer.add_special_tokens([AddedToken("<extra_id_0>", special=True, normalized=False)])
    return tokenizer


def albert() -> Tokenizer:
    normalizer = normalizers.Sequence([
        normalizers.Replace("``", '"'), normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(),
        normalizers.Precompiled(charsmap()), normalizers.Replace(Regex(" {2,}"), " "),
    ])
    tokenizer = unigram(normalizer, pre_tokenizers.Metaspace(prepend_scheme="first", split=False))
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first", split=False)
    tokenizer.add_tokens(TOOLS)
    return tokenizer


def bert(cased: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=not cased, strip_accents=False if cased else None)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=900, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.decoder = decoders.WordPiece()
    if cased:
        tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
        tokenizer.add_tokens(TOOLS)
    else:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
    return tokenizer


def byte_level(pre_tokenizer, normalizer=None, post=None, **options) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(**options))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=900, special_tokens=["<|endoftext|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = post or processors.ByteLevel(trim_offsets=True)
    return tokenizer


def llama3() -> Tokenizer:
    tokenizer = byte_level(
        pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(LLAMA3), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ])
    )
    spec = json.loads(tokenizer.to_str())
    spec["model"]["ignore_merges"] = True
    tokenizer = Tokenizer.from_str(json.dumps(spec))
    tokenizer.add_special_tokens(["<|begin_of_text|>", "<|eot_id|>"])
    begin = tokenizer.token_to_id("<|begin_of_text|>")
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", begin)]),
    ])
    return tokenizer


def roberta() -> Tokenizer:
    tokenizer = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True), normalizers.NFC())
    tokenizer.add_special_tokens(["<s>", "</s>", AddedToken("<mask>", lstrip=True, special=True)])
    ids = {name: tokenizer.token_to_id(name) for name in ("<s>", "</s>")}
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", ids["</s>"]), ("<s>", ids["<s>"]), trim_offsets=True, add_prefix_space=True
    )
    tokenizer.add_tokens(TOOLS)
    return tokenizer


def llama(new: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    pieces = [f"<0x{i:02X}>" for i in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=1100, special_tokens=["<unk>", "<s>", "</s>", *pieces], show_progress=False, max_token_length=12
    )
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.pre_tokenizer = None
    if new:
        tokenizer.normalizer = None
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(content=" ", left=1)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    spec = json.loads(tokenizer.to_str())
    spec["added_tokens"] = [token for token in spec["added_tokens"] if not token["content"].startswith("<0x")]
    tokenizer = Tokenizer.from_str(json.dumps(spec))
    if new:
        tokenizer.add_tokens(TOOLS)
    return tokenizer


def words(pre_tokenizer, normalizer) -> Tokenizer:
    """No model folder's own kind: pre-tokenizers and normalisers that the others leave out."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]", continuing_subword_prefix="@@", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=800, special_tokens=["[UNK]"], show_progress=False, continuing_subword_prefix="@@", end_of_word_suffix="</w>"
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.decoder = decoders.BPEDecoder(suffix="</w>")
    return tokenizer


def kinds() -> dict[str, Tokenizer]:
    digits = pre_tokenizers.Sequence([
        pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("isolated"), pre_tokenizers.Digits(individual_digits=True),
    ])
    split = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"\d+|\s"), "removed"), pre_tokenizers.Split("a", "merged_with_previous"),
        pre_tokenizers.Split(Regex("[^\\w]"), "merged_with_next"), pre_tokenizers.Split("e", "contiguous", invert=True),
    ])
    return {
        "t5": t5(), "t5-new": t5_new(), "albert": albert(), "bert-uncased": bert(False), "bert-cased": bert(True),
        "gpt2": byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False)), "roberta": roberta(), "llama3": llama3(),
        "llama": llama(False), "llama-new": llama(True),
        "digits": words(digits, normalizers.Sequence([normalizers.Strip(), normalizers.NFKC(), normalizers.Lowercase()])),
        "split": words(split, normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Prepend("_")])),
        "whitespace": words(pre_tokenizers.Whitespace(), normalizers.NFKD()),
    }


def main() -> None:
    texts = strings()
    rows, maps = [], [base64.b64encode(charsmap()).decode()]
    for name, tokenizer in kinds().items():
        spec = tokenizer.to_str().replace(json.dumps(maps[0]), '"$charsmap"')
        found = [tokenizer.encode(text) for text in texts]
        rows.append({
            "name": name,
            "json": json.loads(spec),
            "ids": [encoded.ids for encoded in found],
            "offsets": [
                [utf16(text, at) for span in encoded.offsets for at in span] for text, encoded in zip(texts, found)
            ],
            "decoded": [tokenizer.decode(encoded.ids, skip_special_tokens=False) for encoded in found],
        })
    data = json.dumps({"texts": texts, "charsmap": maps[0], "kinds": rows}, separators=(",", ":"), ensure_ascii=False)
    OUT.write_bytes(brotli.compress(data.encode("utf-8", "surrogatepass"), quality=11, lgwin=24))
    print(OUT, OUT.stat().st_size)


if __name__ == "__main__":
    main()
