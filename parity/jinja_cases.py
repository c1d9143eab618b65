"""Small templates of our own with what jinja2 prints for them: test/fixtures/templates/cases.json.

jinja_cases.py. Each case is printed with the same row; one that fails there must fail here.
"""

import json
from pathlib import Path

from templates import env

ROW = r"""
{"s": "The quick brown fox", "empty": "", "wide": "a🙂b日c", "lines": "one\ntwo\r\nthree", "pad": "  x y \t", "n": 7,
 "neg": -3, "big": 12345678901234567890, "f": 2.5, "one": 1.0, "tiny": 1e-07, "huge": 1e16, "third": 0.3333333333333333,
 "yes": true, "no": false, "none": null, "xs": [3, 1, 2], "words": ["Pear", "apple", "fig", "apple"], "mixed": [1, "a", null, 2.0, true],
 "d": {"b": 1, "a": "it's", "items": [1, 2], "n": null}, "rows": [{"k": "x", "v": 2}, {"k": "Y", "v": 1}, {"k": "x", "v": 3}],
 "nested": {"a": {"b": [10, {"c": "deep"}]}}, "label": 1, "quote": "say \"hi\"", "both": "it's \"x\"", "bar": "a ||| b",
 "greek": "ΑΣ ΟΔΟΣ", "sharp": "straße ŉ ǆ ﬁ", "control": "\u0000\u007f\u00a0\u200b\ue000", "inf": Infinity, "nan": NaN,
 "negzero": -0.0, "e0": [], "matrix": [[1, 2], [3, 4]], "percent": "100%", "date": "2020-01-02", "same": ["b", "B", "a", "A"]}
"""

CASES = r"""
{{ s }} {{ n }} {{ f }} {{ one }} {{ tiny }} {{ huge }} {{ third }} {{ yes }} {{ no }} {{ none }} {{ big }}
{{ xs }} {{ words }} {{ mixed }} {{ d }} {{ nested }} {{ (1,) }} {{ () }} {{ (1, "a") }} {{ [] }} {{ {} }}
{{ quote }} {{ [quote] }} {{ [both] }} {{ [lines] }} {{ [control] }} {{ [wide] }} {{ ["\\"] }} {{ ["\t\x01é"] }}
{{ inf }} {{ nan }} {{ negzero }} {{ [-inf, nan] }} {{ 1e100 }} {{ 123456789.123 }} {{ 1e15 }} {{ 0.0001 }} {{ 0.00001 }} {{ 100.0 }}
{{ 1_000 }} {{ 0x1f }} {{ 0b101 }} {{ 0o17 }} {{ 1e3 }} {{ 2.5e-3 }} {{ 1_0.5 }}
{{ 'a' "b" 'c' }} {{ "tab\tnew\\n\x41\u00e9\101\q" }} {{ 'it\'s' }} {{ "a\
b" }}
{{ true }} {{ True }} {{ false }} {{ None }} {{ none is none }} {{ missing }} [{{ missing }}]
{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 6 / 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 2 ** 3 ** 2 }} {{ -2 ** 2 }}
{{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 1 + 1.0 }} {{ 3 - 5 }} {{ 2 * 3.5 }} {{ big + 1 }} {{ big * 2 }} {{ big // 7 }} {{ big % 10 }} {{ 2 ** 100 }}
{{ yes + yes }} {{ yes * 3 }} {{ "a" * 3 }} {{ 3 * "ab" }} {{ [1] * 2 }} {{ [1] + [2] }} {{ (1,) + (2,) }} {{ "a" + "b" }} {{ -yes }} {{ +f }}
{{ 1 ~ 2 }} {{ s ~ n ~ f ~ none ~ xs }} {{ "a" ~ missing ~ "b" }}
{{ 1 + "a" }}
{{ "a" + 1 }}
{{ [1] + "a" }}
{{ 1 / 0 }}
{{ 1 % 0 }}
{{ missing + 1 }}
{{ -s }}
{{ xs - 1 }}
{{ 1 == 1.0 }} {{ true == 1 }} {{ "1" == 1 }} {{ [1, 2] == [1.0, 2] }} {{ {"a": 1} == {"a": 1.0} }} {{ none == missing }} {{ missing == nope }} {{ (1,) == [1] }}
{{ 1 < 2 < 3 }} {{ 3 > 2 > 2 }} {{ 1 < 3 > 2 }} {{ "a" < "b" }} {{ [1, 2] < [1, 3] }} {{ 1 != 2 }} {{ 2 >= 2.0 }} {{ nan == nan }} {{ "é" < "z" }} {{ "🙂" > "\uffff" }}
{{ 1 < "a" }}
{{ none < 1 }}
{{ missing < 1 }}
{{ "ow" in s }} {{ "x" not in s }} {{ 1 in xs }} {{ "a" in d }} {{ 9 not in xs }} {{ 1.0 in xs }} {{ true in xs }} {{ "a" in missing }} {{ 3 in range(5) }}
{{ 1 in s }}
{{ 1 in n }}
{{ s and n }} {{ empty or "x" }} {{ not empty }} {{ 0 or none }} {{ 1 and 0 }} {{ not xs == [3] }} {{ not not s }} {{ e0 or d }}
{{ "y" if yes else "n" }} {{ "y" if no }} [{{ "y" if no }}] {{ 1 if no else 2 if no else 3 }} {{ ("a" if yes else "b") ~ "c" }}
{{ ("y" if no).x }}
{{ s[0] }} {{ s[-1] }} {{ s[4:9] }} {{ s[::-1] }} {{ s[:-4] }} {{ s[100] }} {{ s[50:] }} {{ wide[1] }} {{ wide[1:4] }} {{ wide[::-1] }} {{ wide | length }}
{{ xs[0] }} {{ xs[-1] }} {{ xs[5] }} {{ xs[1:] }} {{ xs[::2] }} {{ xs[-2:] }} {{ xs[10:] }} {{ xs[::-1] }} {{ xs[yes] }} {{ (1, 2, 3)[1:] }} {{ xs[2:0:-1] }}
{{ d.b }} {{ d["a"] }} {{ d.missing }} {{ d["items"] }} {{ nested.a.b[0] }} {{ nested.a.b.1.c }} {{ rows[0].k }} {{ rows.0.k }} {{ nested["a"]["b"][1]["c"] }}
{{ xs["0"] }} {{ xs[1.0] }} {{ s.nope }} {{ n.foo }} {{ none.foo }} {{ none["a"] }} {{ d[[1]] }}
{{ missing.foo }}
{{ missing["foo"] }}
{{ d.missing.more }}
{{ s.nope.more }}
{{ missing() }}
{{ s() }}
{{ d.nope() }}
{{ n[1:] }}
{{ d[1:2] }}
{{ xs[::0] }}
{{ xs["a":] }}
{{ s.split() }} {{ s.split(" ", 1) }} {{ "a,b,,c".split(",") }} {{ " a  b ".split() }} {{ " a  b  c ".split(none, 1) }} {{ " a  b  c ".rsplit(none, 1) }} {{ "a-b-c".rsplit("-", 1) }} {{ "".split(",") }} {{ "".split() }}
{{ s.split("") }}
{{ s.lower() }} {{ s.upper() }} {{ s.title() }} {{ "hELLO wORLD".capitalize() }} {{ "aB".swapcase() }} {{ greek.lower() }} {{ greek.capitalize() }} {{ sharp.capitalize() }} {{ sharp.upper() }} {{ "ﬁx".capitalize() }} {{ "ǆ".capitalize() }}
[{{ pad.strip() }}] [{{ pad.lstrip() }}] [{{ pad.rstrip() }}] [{{ "xxaxx".strip("x") }}] [{{ "abcba".strip("ab") }}] [{{ "\x1c\x85a\x1f".strip() }}] [{{ "\ufeffa".strip() }}]
{{ s.replace("quick", "slow") }} {{ "aaa".replace("a", "b", 2) }} {{ "ab".replace("", "-") }}
{{ s.startswith("The") }} {{ s.endswith(("x", "y")) }} {{ s.startswith("q", 4) }} {{ s.find("q") }} {{ s.rfind("o") }} {{ s.index("b") }} {{ s.count("o") }} {{ wide.find("日") }} {{ s.find("zz") }} {{ "aa".count("") }}
{{ s.index("zz") }}
{{ ", ".join(words) }} {{ "".join(["a", "b"]) }} {{ "-".join("abc") }}
{{ ",".join(xs) }}
{{ "5".zfill(3) }} {{ "-5".zfill(4) }} {{ "a".center(4, "*") }} {{ "ab".center(5) }}| {{ "a".ljust(3) }}| {{ "a".rjust(3, ".") }} {{ "abc".center(2) }}
{{ "12".isdigit() }} {{ "1a".isdigit() }} {{ "ab".isalpha() }} {{ "A".isupper() }} {{ "aB".islower() }} {{ " ".isspace() }} {{ "a1".isalnum() }} {{ "".isalpha() }} {{ "½".isnumeric() }}
{{ "a=b=c".partition("=") }} {{ "a=b=c".rpartition("=") }} {{ "abc".partition("x") }} {{ lines.splitlines() }} {{ "a\n\nb\n".splitlines() }} {{ "a\n".splitlines(true) }}
{{ "pre-x".removeprefix("pre-") }} {{ "x-suf".removesuffix("-suf") }} {{ "{} and {}".format(1, "b") }} {{ "{1}{0}{{}}".format("a", "b") }} {{ "{x}".format(x=none) }}
{{ words.index("fig") }} {{ words.count("apple") }} {{ (1, 2, 1).count(1) }} {{ (5, 6).index(6) }}
{{ words.index("nope") }}
{% set l = [1] %}{{ l.append(2) }}{{ l }}{% set _ = l.extend([3, 4]) %}{{ l }}{% set _ = l.insert(0, 0) %}{{ l }}{{ l.pop() }}{{ l.pop(0) }}{{ l }}{% set _ = l.reverse() %}{{ l }}{% set _ = l.sort() %}{{ l }}{% set _ = l.remove(2) %}{{ l }}{{ l.copy() }}{% set _ = l.clear() %}{{ l }}
{{ [].pop() }}
{% set x = {"a": 1} %}{% set _ = x.update({"b": 2}) %}{% set _ = x.update(c=3) %}{{ x }} {{ x.get("a") }} {{ x.get("z") }} {{ x.get("z", 0) }} {{ x.pop("a") }} {{ x.pop("q", "gone") }} {{ x.setdefault("e", 5) }} {{ x }} {{ d.get("n", "x") }}
{{ d.keys() }} {{ d.values() }} {{ d.items() | list }} {{ d.keys() | list }} {% for k, v in {"x": 1, "y": 2}.items() %}{{ k }}={{ v }};{% endfor %} {{ {"a": 1}.keys() }}
{{ {1: "a", 1.0: "b", true: "c"} }} {{ {"b": 1, "a": 2} }} {{ {none: 1, (1, 2): 2} }} {{ {"a": 1,} }} {{ [1, 2,] }}
{{ {[1]: 2} }}
{{ dict(a=1, b=2) }} {{ dict([("x", 1)]) }} {{ dict({"q": 1}, r=2) }} {{ range(3) | list }} {{ range(1, 10, 3) | list }} {{ range(5, 0, -2) | list }} {{ range(3) }} {{ range(4)[1] }} {{ range(10)[2:5] }} {{ range(0, 5, 2) }}
{{ range("a") }}
{{ range(1, 2, 0) }}
{% for a, b in zip(xs, words) %}{{ a }}{{ b }} {% endfor %}{{ zip(xs, words, "ab") | list }} {{ zip() | list }}
{{ words | join(", ") }} {{ xs | join }} {{ rows | join("-", attribute="k") }} {{ mixed | join("|") }} {{ "abc" | join(".") }} {{ missing | join(",") }}
{{ s | length }} {{ xs | count }} {{ d | length }} {{ missing | length }} {{ range(9) | length }}
{{ n | length }}
{{ missing | default("dflt") }} {{ none | default("x") }} {{ none | default("x", true) }} {{ empty | d("e", boolean=true) }} [{{ missing | default }}] {{ d.zz | default(3) }}
{{ "5" | int }} {{ "5.7" | int }} {{ "x" | int }} {{ "x" | int(-1) }} {{ 3.9 | int }} {{ -3.9 | int }} {{ "ff" | int(base=16) }} {{ "0x1A" | int(0, 16) }} {{ none | int }} {{ yes | int }} {{ " 7 " | int }} {{ "1_0" | int }} {{ nan | int }} {{ "inf" | int }} {{ xs | int(9) }}
{{ inf | int }}
{{ missing | int }}
{{ "1.5" | float }} {{ "x" | float }} {{ 3 | float }} {{ "x" | float(2) }} {{ "inf" | float }} {{ none | float }} {{ "1e3" | float }} {{ "-nan" | float }}
{{ 2.5 | round }} {{ 3.5 | round }} {{ 2.675 | round(2) }} {{ 7 | round }} {{ 1234.5 | round(-2) }} {{ 0.5 | round | int }} {{ 2.2 | round(method="ceil") }} {{ 2.8 | round(0, "floor") }} {{ 2.25 | round(1) }} {{ -2.5 | round }} {{ 1e22 | round(2) }} {{ 15 | round(-1) }} {{ 25 | round(-1) }} {{ 3.14159 | round(3) }}
{{ "a" | round }}
{{ -5 | abs }} {{ -2.5 | abs }} {{ neg | abs }} {{ yes | abs }} {{ (0 - big) | abs }}
{{ s | lower }} {{ s | upper }} {{ "hELLO" | capitalize }} {{ "hello big-world (now)" | title }} {{ n | upper }} {{ none | lower }} {{ "o'neil d'arc" | title }} {{ "o'neil d'arc x1y".title() }}
[{{ pad | trim }}] [{{ "xxaxx" | trim("x") }}] [{{ n | trim }}] [{{ ".a.," | trim(".,") }}]
{{ s | replace("o", "0") }} {{ "aaa" | replace("a", "b", 2) }} {{ 1001 | replace(0, 5) }} {{ s | replace("quick ", "") | replace("T", "t") }}
{{ xs | first }} {{ xs | last }} {{ e0 | first }} {{ s | first }} {{ s | last }} {{ d | first }} {{ d | last }} [{{ e0 | last }}]
{{ xs | min }} {{ xs | max }} {{ words | min }} {{ words | max(case_sensitive=true) }} {{ rows | max(attribute="v") }} [{{ e0 | max }}] {{ same | min }} {{ same | max }} {{ "hello" | max }}
{{ xs | sort }} {{ words | sort }} {{ words | sort(case_sensitive=true) }} {{ xs | sort(reverse=true) }} {{ rows | sort(attribute="v") }} {{ rows | sort(attribute="k,v") | map(attribute="v") | list }} {{ same | sort }} {{ same | sort(reverse=true) }} {{ "hello" | sort }} {{ d | sort }}
{{ mixed | sort }}
{{ words | unique | list }} {{ same | unique | list }} {{ same | unique(case_sensitive=true) | list }} {{ rows | unique(attribute="k") | list }} {{ [1, 1.0, true, "1"] | unique | list }}
{{ words | unique | length }}
{{ [[1]] | unique | list }}
{{ words | map("upper") | list }} {{ rows | map(attribute="k") | join(",") }} {{ rows | map(attribute="z", default="-") | list }} {{ words | map("replace", "p", "P") | list }} {{ matrix | map("sum") | list }} {{ matrix | map(attribute=0) | list }} {{ matrix | map("first") | list }} {{ e0 | map("x") | list }}
{{ words | map("nope") | list }}
{{ xs | select("odd") | list }} {{ xs | select("gt", 1) | list }} {{ xs | reject("equalto", 1) | list }} {{ mixed | select | list }} {{ mixed | select("string") | list }} {{ words | reject("in", ["fig"]) | list }} {{ xs | select(">=", 2) | list }}
{{ rows | selectattr("v", "gt", 1) | list }} {{ rows | selectattr("k") | list | length }} {{ rows | rejectattr("k", "eq", "x") | map(attribute="v") | list }} {{ rows | selectattr("k", "equalto", "x") | map(attribute="v") | join("+") }}
{{ xs | select("nope") | list }}
{{ xs | sum }} {{ rows | sum(attribute="v") }} {{ [1, 2.5] | sum }} {{ matrix | sum(start=[]) }} {{ e0 | sum }}
{{ words | sum }}
{{ words | most_frequent }} {{ e0 | most_frequent }} {{ [1, 2, 2, 1, 3] | most_frequent }} {{ "hello" | most_frequent }} {{ words | choice }} {{ words | random }} [{{ e0 | random }}]
{{ e0 | choice }}
{{ s | reverse }} {{ xs | reverse | list }} {{ wide | reverse }}
{{ "%s is %d" | format("x", 3) }} {{ "%(a)s" | format(a=1) }} {{ "%s %s" % ("a", 1) }} {{ "%.2f" % 2.345 }} {{ "%5.1f|%-6s|%06.2f|%+d" % (2.25, "ab", 3.14159, 4) }} {{ "%r" % "it's" }} {{ "%s" % none }} {{ "%%" % () }} {{ "%x %X %o" % (255, 255, 8) }} {{ "%e %g %g %g" % (12345.678, 0.00001, 1234567, 100000) }} {{ "%s" % [1, 2] }} {{ "%.0f %.0f" % (0.5, 1.5) }} {{ "%d" % 3.9 }} {{ "%.3s|" % "abcdef" }} {{ "%c" % "x" }} {{ "%i" % true }}
{{ "%s %s" % "a" }}
{{ "%s" % ("a", "b") }}
{{ "%d" % "x" }}
{{ percent % 1 }}
{{ s | truncate(9) }} {{ s | truncate(9, true) }} {{ s | truncate(12, false, "…") }} {{ s | truncate(10, leeway=0) }} {{ s | truncate(16) }} {{ "abcdefghijklmnop" | truncate(5, leeway=0) }} {{ wide | truncate(3, true, "", 0) }}
{{ s | wordcount }} {{ d | dictsort }} {{ {"b": 1, "A": 2} | dictsort }} {{ {"b": 1, "a": 2} | dictsort(by="value") }} {{ {"b": 1} | items | list }} {{ xs | batch(2) | list }} {{ xs | batch(2, "-") | list }} {{ range(7) | slice(3) | list }} {{ range(7) | slice(3, "x") | list }}
{{ lines | indent }}|{{ "a\n\nb" | indent(2, true) }}|{{ "a\n\nb" | indent(2, blank=true) }}|{{ "a\nb" | indent("> ") }}
{{ d | tojson }} {{ "<a href='x'>&" | tojson }} {{ "é🙂" | tojson }} {{ {"b": [1, 2.0, none, true]} | tojson }} {{ [1, {"a": []}] | tojson(indent=2) }} {{ nan | tojson }}
{% for k, g in rows | groupby("k") %}{{ k }}:{{ g | map(attribute="v") | list }} {% endfor %}{% for g in rows | groupby("v") %}{{ g.grouper }}{{ g.list | length }}{{ g[0] }} {% endfor %}
{{ s | string }} {{ none | string }} {{ one | string | length }} {{ "ab" | list }} {{ d | list }} {{ "abc" | center(7) }}| {{ "x" | attr("upper") is callable }} {{ "x" | highlight }}
{{ "x" % xs }} {{ "%s" % xs }} {{ "x" % d }} {{ xs | truncate(5) }} [{{ missing | truncate(5) }}] {{ missing is callable }} {{ xs | map("string") | reverse }} {{ (n | items) is iterable }}
{{ n | indent }}
{{ n | items | list }}
{{ (range(20) | list) | truncate(5) }}
{{ s | nope }}
{{ n is defined }} {{ missing is defined }} {{ missing is undefined }} {{ none is none }} {{ n is not none }} {{ 3 is odd }} {{ 4 is even }} {{ 9 is divisibleby(3) }} {{ 9 is divisibleby 4 }} {{ 1 is eq 1 }} {{ 1 is ne(2) }} {{ 1 is lt 2 }} {{ 2 is ge 2 }} {{ 1 is in [1] }} {{ "a" is in "abc" }}
{{ n is number }} {{ f is float }} {{ n is integer }} {{ yes is integer }} {{ yes is boolean }} {{ s is string }} {{ d is mapping }} {{ xs is iterable }} {{ n is iterable }} {{ xs is sequence }} {{ s is sequence }} {{ n is sequence }} {{ yes is true }} {{ no is false }} {{ s is lower }} {{ "A1" is upper }} {{ "trim" is filter }} {{ "odd" is test }} {{ none is sameas none }} {{ range is callable }} {{ one is float }} {{ 1 is true }}
{{ n is nope }}
{{ 1 is odd and 2 is even }} {{ not 1 is even }} {{ n is defined and n > 3 }} {{ xs is sequence or missing.x }} {{ "a" is string ~ "b" }}
{{ 2 + 3 | abs }} {{ -3 | abs }} {{ (2 + 3) | string | length }} {{ 1 + 2 * 3 - 4 / 2 }} {{ 2 * 3 % 4 }} {{ "a" ~ 1 + 2 }} {{ 10 - 2 - 3 }} {{ -n ** 2 }}
{% if n > 5 %}big{% elif n > 3 %}mid{% else %}small{% endif %}{% if empty %}x{% endif %}{% if missing %}y{% else %}z{% endif %}{% if not none and xs %}t{% endif %}
{% for x in xs %}{{ x }},{% endfor %}|{% for x in e0 %}{{ x }}{% else %}none{% endfor %}|{% for c in "ab" %}[{{ c }}]{% endfor %}|{% for k in d %}{{ k }} {% endfor %}|{% for x in missing %}{{ x }}{% else %}gone{% endfor %}
{% for x in xs if x > 1 %}{{ loop.index }}:{{ x }}/{{ loop.length }} {% else %}no{% endfor %}{% for x in xs if x > 9 %}{{ x }}{% else %}nothing{% endfor %}
{% for x in xs %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.cycle("a", "b") }} {% endfor %}
{% for x in words %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }}{{ loop.changed(x) }} {% endfor %}{% for x in words %}{% if not loop.last %}{{ loop.nextitem }}{% endif %}{% endfor %}
{% for x in xs | map("string") %}{{ loop.length }}{{ x }}{{ loop.last }} {% endfor %}{% for a, b in matrix %}{{ a + b }} {% endfor %}{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}
{% for a, b in xs %}{{ a }}{% endfor %}
{% for a, b in [(1, 2, 3)] %}{{ a }}{% endfor %}
{% for x in n %}{{ x }}{% endfor %}
{% for x in none %}{{ x }}{% endfor %}
{% for x in [1, [2, [3]]] recursive %}{% if x is iterable %}({{ loop(x) }}){% else %}{{ x }}@{{ loop.depth }}{% endif %}{% endfor %}
{% set x = 1 %}{% for i in xs %}{% set x = i %}{{ x }}{% endfor %}{{ x }}{% if yes %}{% set x = 5 %}{% endif %}{{ x }}{% for i in [1, 2] %}{{ n }}{% set n = n + 1 %}{{ n }} {% endfor %}{{ n }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set (c, d2) = [3, 4] %}{{ c }}{{ d2 }}{% set t = 1, 2 %}{{ t }}{% set u = 1, %}{{ u }}
{% set ns = namespace(total=0, seen=[]) %}{% for x in xs %}{% set ns.total = ns.total + x %}{% set _ = ns.seen.append(x) %}{% endfor %}{{ ns.total }} {{ ns.seen }} [{{ ns.nope }}] {{ namespace({"a": 1}).a }} {{ ns }}
{% set n.x = 1 %}
{% set cap %}a{{ n }}b{% endset %}{{ cap }}{% set up | upper | replace("X", "y") %}xz{{ s }}{% endset %}{{ up }}{{ cap | length }}
{% with a = 1, b = n %}{{ a }}{{ b }}{% set a = 9 %}{{ a }}{% endwith %}[{{ a }}]{% with %}{% set q = 1 %}{% endwith %}[{{ q }}]
{% filter upper %}abc {{ s }}{% endfilter %} {% filter replace("a", "b") | upper %}banana{% endfilter %}
{% macro hi(name, mark="!") %}Hi {{ name }}{{ mark }}{% endmacro %}{{ hi("Ann") }} {{ hi("Bo", "?") }} {{ hi(name="Cy", mark=".") }} [{{ hi() }}]{{ hi("a") | length }}
{% macro hi(name) %}{{ name }}{% endmacro %}{{ hi(1, 2) }}
{% macro hi(name) %}{{ name }}{% endmacro %}{{ hi(other=2) }}
{% macro box(t) %}[{{ t }}:{{ caller() }}]{% endmacro %}{% call box("x") %}body {{ n }}{% endcall %}{% macro each(l) %}{% for x in l %}{{ caller(x) }};{% endfor %}{% endmacro %}{% call(v) each(xs) %}<{{ v }}>{% endcall %}
{% macro fact(k) %}{% if k <= 1 %}1{% else %}{{ k * fact(k - 1) | int }}{% endif %}{% endmacro %}{{ fact(5) }}
{# a comment #}x{#- y -#}  z  {#-#} w{# {{ nope }} {% if %} #}
a {%- if yes -%} b {%- endif -%} c  {{- n -}}  d {{ n -}} e {{- n }} f
a
{% if yes %}
b
{% endif %}
c{% raw %}{{ x }} {% if %}{# no #}{% endraw %}d {%- raw -%}  {{ y }}  {%- endraw -%}  e
   {% set z = 1 %}   {{ z }}   {%+ if yes +%} + {% endif %}
{{ "}}" }} {{ "%}" }} {{ '{{' }} {{ "#}" }} {{ {"a": {"b": 1}} }} {{ {"a": {"b": 1}}.a.b }} } }} %} #}
{{ joiner("|") is callable }}{% set j = joiner("; ") %}{% for x in xs %}{{ j() }}{{ x }}{% endfor %}{% set c = cycler("a", "b") %}{{ c.next() }}{{ c.current }}{{ c.next() }}{{ c.next() }}{% set _ = c.reset() %}{{ c.next() }}
{{ dict(**{"a": 1}) }} {{ "{}-{}".format(*[1, 2]) }} {{ "{a}".format(**{"a": 5}) }} {{ range(*[1, 4]) | list }}
{% set l = [1, 2] %}{% for x in l %}{% if x < 5 %}{% set _ = l.append(x + 2) %}{% endif %}{{ x }} {% endfor %}{% set a = [] %}{% set _ = a.append(a) %}{{ a }}{% set m = {} %}{% set _ = m.update({"m": m}) %}{{ m }}
{{ words[label] }} {{ words[label | int - 1] }} {{ words[-label] }} {{ {0: "no", 1: "yes"}[label] }} {{ {"0": "no", "1": "yes"}[label | string] }} {{ ["a", "b"][no] }} {{ words[label:][0] }}
{{ s.split()[0] | lower }} {{ s.split() | map("length") | list }} {{ (s.split() | map("length") | list)[1] }} {{ s.split()[1:] | join(" ") }} {{ s | replace("fox", words[2]) | upper }} {{ date.split("-") | map("int") | sum }}
{{ nested.a.b[1].c.upper() }} {{ [d, nested][0].b }} {{ (d if yes else nested).b }} {{ (words | first).lower() }} {{ "a b".split()[1].upper()[0] }} {{ rows | map(attribute="k") | map("lower") | unique | sort | join }}
{{ xs if xs | length > 2 else "few" }} {{ "even" if n % 2 == 0 else "odd" }} {{ n if n is defined else 0 }} {{ (n > 5) | string | lower }} {{ [1, 2, 3][1:][0] }} {{ "abc"[1:] + "d" }} {{ not (1 == 2) }}
{{ a, 1 }} {{ 1, 2 }} {{ 1, }}
{{ f.is_integer() }} {{ one.is_integer() }}
{{ "a" if }}
{{ }}
{{ 1 2 }}
{{ (1 }}
{{ [1, 2 }}
{{ "abc }}
{% if yes %}
{% endif %}
{% for x xs %}{% endfor %}
{% for x in xs %}{% endif %}
{% nope %}
{% set 1 = 2 %}
{% set none = 2 %}
{{ a b }}
{{ a | }}
{{ a. }}
{{ a.[0] }}
{{ 007 }}
{{ x ! y }}
{{ a is b is c }}
{% macro f() %}
{{ {1 2} }}
{{ f(a=1, 2) }}
{% raw %} x
{# open
{{ s.__class__ }}
"""


def main():
    row = json.loads(ROW)
    cases = []
    # A case is a line; one that ends in a backslash goes on, and the one that begins with "a" alone has four.
    blocks = CASES.strip("\n").split("\n")
    joined = []
    i = 0
    while i < len(blocks):
        line = blocks[i]
        if line.endswith("\\"):
            line += "\n" + blocks[i + 1]
            i += 1
        elif line == "a":
            line = "\n".join(blocks[i : i + 4])
            i += 3
        joined.append(line)
        i += 1
    for source in joined:
        case = {"template": source}
        try:
            case["text"] = env.from_string(source).render(**json.loads(ROW))
        except Exception as error:  # noqa: BLE001
            case["error"] = type(error).__name__
        if "__class__" in source:
            # Python lets templates reach its own attributes; here that is refused.
            case = {"template": source, "error": "refused"}
        if " at 0x" in case.get("text", ""):
            raise ValueError(f"prints an address: {source}")
        cases.append(case)
    for source in ("a\n", "a\n\n", "a\r\n", "x\r\ny\rz", "\n{{ n }}\n", "{% if yes %}\n  x\n{% endif %}\n", "", "\n", "{{ s\n | upper }}\n\n"):
        cases.append({"template": source, "text": env.from_string(source).render(**row)})
    out = Path(__file__).parent.parent / "test/fixtures/templates/cases.json"
    out.write_text(json.dumps({"row": ROW.strip(), "cases": cases}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(len(cases), "cases,", sum("error" in case for case in cases), "of them errors")


if __name__ == "__main__":
    main()
