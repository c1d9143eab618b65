"""What jinja2 makes of this project's own templates (templates/) on made-up rows: test/fixtures/templates/own.json.

own_templates.py reads test/fixtures/templates/rows.json and writes, for each data set, template and row, the parts and
the choices as promptsource's `apply` gives them, or the error.
"""

import json
from pathlib import Path

import yaml
from templates import Loader, apply

ROOT = Path(__file__).parent.parent


def main():
    rows = json.loads((ROOT / "test/fixtures/templates/rows.json").read_text(encoding="utf-8"))
    made = {}
    for dataset, examples in rows.items():
        content = yaml.load((ROOT / "templates" / dataset / "templates.yaml").read_text(encoding="utf-8"), Loader=Loader)
        for template in content["templates"].values():
            results = []
            for row in examples:
                parts, choices = apply(template, row)
                results.append({"parts": parts, "choices": choices})
            made.setdefault(dataset, {})[template["name"]] = results
    out = ROOT / "test/fixtures/templates/own.json"
    out.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(sum(len(results) for templates in made.values() for results in templates.values()), "renders of", sum(map(len, made.values())), "templates")


if __name__ == "__main__":
    main()
