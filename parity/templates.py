"""What jinja2 makes of promptsource's templates, as hashes.

templates.py PROMPTSOURCE ROWS [DATA]

PROMPTSOURCE is a checkout of bigscience-workshop/promptsource. Rows are made up from what each template does with its
variables, six a template: four of the types the template expects, one with numbers, lists and None where it does not
care, one with odd texts. DATA is a folder of `<dataset>.<split>.jsonl.gz` files: their first rows go through the
templates of that data set too. Rows are written to ROWS (not to be committed: they hold words of the templates), one
line a render; test/fixtures/templates/promptsource.json gets the hashes. parity/templates.js compares.
"""

import gzip
import hashlib
import json
import random
import sys
import zlib
from collections import Counter
from pathlib import Path

import yaml
from jinja2 import BaseLoader, Environment, nodes

# Hexadecimal digits kept of a hash.
SIZE = 8
PROTECTOR = "3ed2dface8203c4c9dfb1a5dc58e41e0"


class Loader(yaml.SafeLoader):
    pass


for tag in ("!Template", "!TemplateMetadata"):
    Loader.add_constructor(tag, lambda loader, node: loader.construct_mapping(node, deep=True))


def middle(items):
    """Stands for every random choice, here and in the other program."""
    return items[len(items) // 2]


def most_frequent(items):
    if not items:
        return
    counts = Counter(items).most_common()
    return [item for item, count in counts if count == counts[0][1]]


random.choice = middle
env = Environment(loader=BaseLoader)
env.globals.update(zip=zip)
env.filters["highlight"] = lambda text: "<span style='color: #F08080'>" + text + "</span>"
env.filters["choice"] = middle
env.filters["most_frequent"] = most_frequent


def apply(template, example, truncate=True):
    """promptsource's Template.apply: the parts, and the choices."""
    jinja = template["jinja"]
    if truncate:
        jinja = jinja.replace("}}", " | string | truncate(2048) }}")
    main = env.from_string(jinja)
    protected = {k: v.replace("|||", PROTECTOR) if isinstance(v, str) else v for k, v in example.items()}
    if "answer_choices" in protected:
        raise ValueError("restricted key")
    choices = None
    if template["answer_choices"] is not None:
        rendered = env.from_string(template["answer_choices"]).render(**protected)
        choices = [c.strip().replace(PROTECTOR, "|||") for c in rendered.split("|||")]
    protected["answer_choices"] = choices
    rendered = main.render(**protected)
    return [p.replace(PROTECTOR, "|||").strip() for p in rendered.split("|||")], choices


# What a template does with a variable: a tree of expectations.


class Shape:
    def __init__(self):
        self.fields = {}
        self.element = None
        self.kinds = set()
        self.constants = []

    def field(self, name):
        self.kinds.add("dict")
        return self.fields.setdefault(name, Shape())

    def item(self):
        self.kinds.add("list")
        if self.element is None:
            self.element = Shape()
        return self.element


STRING_METHODS = {"split", "lower", "upper", "strip", "replace", "startswith", "endswith", "capitalize", "title", "format", "find", "rstrip", "lstrip"}
LIST_METHODS = {"append", "pop", "extend", "insert", "remove"}
DICT_METHODS = {"items", "keys", "values", "get", "update"}
LIST_FILTERS = {"join", "choice", "random", "first", "last", "list", "unique", "map", "select", "reject", "selectattr", "rejectattr", "sort", "most_frequent", "max", "min", "sum", "length"}
NUMBER_FILTERS = {"round", "abs", "int", "float"}


class Inference:
    """Walks a template; names map to shapes, loop variables to the elements of what is looped over."""

    def __init__(self):
        self.columns = {}

    def shape(self, node, scope):
        if isinstance(node, nodes.Name):
            if node.name in scope:
                return scope[node.name]
            if node.name in ("loop", "range", "zip", "namespace", "dict", "answer_choices"):
                return None
            return self.columns.setdefault(node.name, Shape())
        if isinstance(node, nodes.Getattr):
            base = self.shape(node.node, scope)
            if base is None or node.attr in STRING_METHODS | LIST_METHODS | DICT_METHODS | {"join", "index"}:
                return None
            return base.field(node.attr)
        if isinstance(node, nodes.Getitem):
            base = self.shape(node.node, scope)
            if isinstance(node.arg, nodes.Slice):
                if base is not None:
                    base.kinds.add("sliced")
                return base
            if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
                return base.field(node.arg.value) if base is not None else None
            index = self.shape(node.arg, scope)
            if index is not None:
                index.kinds.add("index")
            return base.item() if base is not None else None
        if isinstance(node, nodes.Filter) and node.node is not None:
            base = self.shape(node.node, scope)
            if base is not None:
                if node.name in LIST_FILTERS:
                    element = base.item()
                    for keyword in node.kwargs:
                        if keyword.key == "attribute" and isinstance(keyword.value, nodes.Const):
                            element.field(str(keyword.value.value))
                    if node.name in ("choice", "random", "first", "last", "max", "min"):
                        return element
                    return base
                if node.name in NUMBER_FILTERS:
                    base.kinds.add("number")
                elif node.name in ("lower", "upper", "capitalize", "replace", "trim", "title"):
                    base.kinds.add("text")
            return base
        return None

    def visit(self, node, scope):
        if isinstance(node, nodes.For):
            over = self.shape(node.iter, scope)
            self.visit(node.iter, scope)
            inner = dict(scope)
            element = over.item() if over is not None else None
            if isinstance(node.iter, nodes.Call) and isinstance(node.iter.node, nodes.Name) and node.iter.node.name == "zip":
                elements = [self.shape(arg, scope) for arg in node.iter.args]
                elements = [e.item() if e is not None else None for e in elements]
            else:
                elements = None
            if isinstance(node.target, nodes.Name):
                inner[node.target.name] = element
            else:
                for i, target in enumerate(node.target.items):
                    if isinstance(target, nodes.Name):
                        inner[target.name] = elements[i] if elements and i < len(elements) else None
            inner["loop"] = None
            if node.test is not None:
                self.visit(node.test, inner)
            for child in node.body + node.else_:
                self.visit(child, inner)
            return
        if isinstance(node, nodes.Assign):
            self.visit(node.node, scope)
            if isinstance(node.target, nodes.Name):
                scope[node.target.name] = self.shape(node.node, scope)
            return
        if isinstance(node, nodes.Compare):
            base = self.shape(node.expr, scope)
            for op in node.ops:
                other = self.shape(op.expr, scope)
                for one, two in ((base, op.expr), (other, node.expr)):
                    if one is None:
                        continue
                    if isinstance(two, nodes.Const):
                        if op.op in ("in", "notin") and one is other:
                            one.item().constants.append(two.value)
                        else:
                            one.constants.append(two.value)
                    elif isinstance(two, (nodes.List, nodes.Tuple)):
                        one.constants += [i.value for i in two.items if isinstance(i, nodes.Const)]
                    elif op.op in ("gt", "lt", "gteq", "lteq"):
                        one.kinds.add("number")
        if isinstance(node, (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.Mod, nodes.FloorDiv)):
            for one, two in ((node.left, node.right), (node.right, node.left)):
                shape = self.shape(one, scope)
                if shape is not None:
                    if isinstance(two, nodes.Const) and isinstance(two.value, str):
                        shape.kinds.add("text")
                    elif not isinstance(node, nodes.Add) or isinstance(two, nodes.Const):
                        shape.kinds.add("index")
        if isinstance(node, nodes.Call):
            if isinstance(node.node, nodes.Getattr):
                base = self.shape(node.node.node, scope)
                if base is not None:
                    if node.node.attr in STRING_METHODS:
                        base.kinds.add("text")
                    elif node.node.attr in LIST_METHODS:
                        base.item()
                    elif node.node.attr in DICT_METHODS:
                        base.kinds.add("dict")
                if node.node.attr == "join" and node.args:
                    joined = self.shape(node.args[0], scope)
                    if joined is not None:
                        joined.item()
            elif isinstance(node.node, nodes.Name) and node.node.name in ("range", "zip"):
                for arg in node.args:
                    shape = self.shape(arg, scope)
                    if shape is not None:
                        shape.kinds.add("index") if node.node.name == "range" else shape.item()
        self.shape(node, scope) if isinstance(node, nodes.Expr) else None
        for child in node.iter_child_nodes():
            self.visit(child, scope)


WORDS = "a small grey cat sat on the red mat while two old men talked about rain and trains in the north of town".split()
ODD = ["", "naïve café", "x ||| y", "line one\nline two", "  padded  ", "\"quoted\" it's", "日本語 テスト", "🙂 smile 🙂🙂", "A.B. c?", "<b>&amp;</b>", "tab\tend\u00a0", "0", "word " * 600]


def text(rng, odd):
    if odd and rng.random() < 0.6:
        return rng.choices(ODD)[0]
    words = [rng.choices(WORDS)[0] for _ in range(1 + rng.randrange(9))]
    return " ".join(words).capitalize() + rng.choices([".", "", "?", "!"])[0]


def value(shape, rng, style, depth=0):
    loose = style == "types"
    odd = style == "odd"
    if shape is None or depth > 6:
        return text(rng, odd)
    if shape.fields:
        fields = {k: value(v, rng, style, depth + 1) for k, v in shape.fields.items()}
        if "list" in shape.kinds and rng.random() < 0.3:
            return [fields]
        return fields
    if shape.constants and rng.random() < 0.75:
        constant = rng.choices(shape.constants)[0]
        if "list" not in shape.kinds or shape.element is None:
            return constant
    if shape.element is not None:
        if loose and rng.random() < 0.2:
            return rng.choices([[], None, "text", 3, {"a": 1}])[0]
        return [value(shape.element, rng, style, depth + 1) for _ in range(rng.randrange(0 if odd else 1, 5))]
    if "dict" in shape.kinds:
        return {rng.choices(WORDS)[0]: text(rng, odd) for _ in range(2)}
    if "index" in shape.kinds and "text" not in shape.kinds:
        return rng.choices([0, 1, 2, 3, -1] if not loose else [0, 1, 1.0, True, "0", None, 7])[0]
    if "number" in shape.kinds:
        return rng.choices([0, 1, 3.5, 2.25, 0.125, -2, 17, 1.0, 1e-7, 12345678.9, "4", "2.6"])[0]
    if shape.constants and isinstance(shape.constants[0], (int, float)):
        return rng.randrange(4)
    if loose and "text" not in shape.kinds:
        return rng.choices([1, 1.0, 0.1, 3.8, True, None, ["a", "b's"], {"k": [1, None]}, 10**17, "text", 2**70, 1e300, (), -0.0])[0]
    if "sliced" in shape.kinds and rng.random() < 0.5:
        return [text(rng, odd) for _ in range(rng.randrange(5))]
    return text(rng, odd)


def rows_for(template):
    inference = Inference()
    for source in (template["answer_choices"], template["jinja"]):
        if source is not None:
            inference.visit(env.parse(source), {})
    columns = {k: v for k, v in inference.columns.items() if k != "answer_choices"}
    for i, style in enumerate(["plain", "plain", "plain", "plain", "types", "odd"]):
        rng = random.Random(zlib.crc32(f"{template['id']} {i}".encode()))
        row = {name: value(shape, rng, style) for name, shape in columns.items()}
        # As it will be read: tuples are lists, keys are texts.
        yield json.loads(json.dumps(row))


def digest(template, row, truncate):
    try:
        parts, choices = apply(template, row, truncate)
    except Exception as error:  # noqa: BLE001: any failure is what must fail there too
        return "error", f"{type(error).__name__}: {error}"
    shown = json.dumps([parts, choices], ensure_ascii=False)
    if " at 0x" in shown:
        return "none", shown
    return hashlib.sha256(shown.encode("utf-8", "surrogatepass")).hexdigest()[:SIZE], shown


def data_rows(folder):
    """First rows of the data sets at hand, by promptsource's names, with its columns."""
    files = {path.name: path for path in sorted(Path(folder).rglob("*.jsonl.gz"))}

    def read(name, limit=40):
        with gzip.open(files[name], "rt", encoding="utf-8") as lines:
            return [json.loads(line) for _, line in zip(range(limit), lines)]

    def labels(rows, key, names):
        return [{**row, key: names.index(row[key])} for row in rows]

    nli = ["entailment", "neutral", "contradiction"]
    yield "super_glue", "rte", labels(read("rte.validation.jsonl.gz"), "label", ["entailment", "not_entailment"])
    yield "super_glue", "cb", labels(read("cb.validation.jsonl.gz"), "label", ["entailment", "contradiction", "neutral"])
    yield "super_glue", "copa", read("copa.validation.jsonl.gz")
    for name in ("boolq", "wic"):
        yield "super_glue", name, [{**row, "label": int(row["label"])} for row in read(f"{name}.validation.jsonl.gz")]
    wsc = [{**{k: v for k, v in row.items() if k != "target"}, **row["target"], "label": int(row["label"])} for row in read("wsc.validation.jsonl.gz")]
    yield "super_glue", "wsc.fixed", wsc
    yield "winogrande", "winogrande_xl", read("winogrande_xl.validation.jsonl.gz")
    for i in (1, 2, 3):
        yield "anli", None, labels(read(f"anli_r{i}.validation.jsonl.gz"), "label", nli)
    plain = [("ag_news", None), ("rotten_tomatoes", None), ("dbpedia_14", None), ("sciq", None), ("social_i_qa", None), ("cosmos_qa", None), ("dream", None), ("piqa", None), ("web_questions", None), ("commonsense_qa", None), ("quail", None)]
    for dataset, subset in plain:
        rows = read(f"{dataset}.train.jsonl.gz") if f"{dataset}.train.jsonl.gz" in files else read(f"{dataset}.validation.jsonl.gz")
        if dataset == "ag_news" and "text" not in rows[0]:
            rows = [{**row, "text": f"{row['title']} {row['description']}"} for row in rows]
        yield dataset, subset, rows
    for name, key in (("mrpc", ("glue", "mrpc")), ("cola", ("glue", "cola")), ("sst2", ("glue", "sst2")), ("cos_e", ("cos_e", "v1.11")), ("openbookqa", ("openbookqa", "main")), ("arc_easy", ("ai2_arc", "ARC-Easy"))):
        yield *key, [{"idx": i, **row} for i, row in enumerate(read(f"{name}.train.jsonl.gz"))]


def main():
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    folder = source / "promptsource" / "templates"
    collections = {}
    hashes = {}
    counts = Counter()
    with open(out, "w", encoding="utf-8") as rows_file:

        def render(file, template, row, kind):
            for truncate in (True, False):
                result, shown = digest(template, row, truncate)
                counts[kind if len(result) == SIZE else f"{kind} {result}"] += 1
                hashes.setdefault(template["id"], []).append(result)
                line = {"file": str(file.relative_to(folder)), "id": template["id"], "kind": kind, "truncate": truncate, "row": row}
                rows_file.write(json.dumps({**line, "result": result, "shown": shown}) + "\n")

        for file in sorted(folder.rglob("templates.yaml")):
            content = yaml.load(file.read_text(encoding="utf-8"), Loader=Loader)
            collections[content["dataset"], content.get("subset")] = file, content
            for key in sorted(content["templates"]):
                template = content["templates"][key]
                for row in rows_for(template):
                    render(file, template, row, "synthetic")
        if len(sys.argv) > 3:
            for dataset, subset, rows in data_rows(sys.argv[3]):
                if (dataset, subset) not in collections:
                    print("no templates for", dataset, subset)
                    continue
                file, content = collections[dataset, subset]
                for key in sorted(content["templates"]):
                    for row in rows:
                        render(file, content["templates"][key], row, "real")
    # Real rows stay out of the fixture: not everybody has them. "e" all through stands for an error, "n" for an address.
    fixture = Path(__file__).parent.parent / "test/fixtures/templates/promptsource.json"
    made = {key: "".join(h if len(h) == SIZE else h[0] * SIZE for h in values[:12]) for key, values in sorted(hashes.items())}
    fixture.write_text(json.dumps({"renders": 12, "digits": SIZE, "templates": made}, indent=0) + "\n")
    print(len(made), "templates", dict(counts))


if __name__ == "__main__":
    main()
