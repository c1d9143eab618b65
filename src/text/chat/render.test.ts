/** Templates in the styles of published ones: what transformers prints and makes of it, and whose each part of it is. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../base/json.ts";
import { openModelFolder, openTokenizer } from "../../folders/open-node.ts";
import { createTokenizer } from "../../tokenizers/tokenizer.ts";
import type { ChatMessage } from "./messages.ts";
import { promptMaker } from "./prompt.ts";
import { readChatTemplate, renderChat } from "./render.ts";

interface Case {
  readonly name: string;
  readonly template: string;
  readonly messages: ChatMessage[];
  readonly options: {
    readonly tools?: unknown[];
    readonly documents?: unknown[];
    readonly add_generation_prompt?: boolean;
    readonly [name: string]: unknown;
  };
  readonly text?: string;
  readonly ids?: number[];
  readonly error?: string;
}
const root = new URL("../../../test/fixtures/chat/", import.meta.url);
const { cases, templates, now } = JSON.parse(readFileSync(new URL("expected.json", root), "utf8")) as {
  cases: Case[];
  templates: Record<string, string>;
  now: string;
};
const folder = openModelFolder(new URL("model", root).pathname);
const tokenizer = openTokenizer(folder);
const maker = promptMaker({ tokenizer, config: folder.config, templates: new Map(Object.entries(templates)) });
const special = [...tokenizer.specialTokens.keys()];
const specialIds = new Set(tokenizer.specialTokens.values());

const promptOf = ({ template, messages, options }: Pick<Case, "template" | "messages" | "options">) => {
  const { tools, documents, add_generation_prompt: addGenerationPrompt = true, ...variables } = options;
  return maker.prompt(messages, { template, tools, documents, addGenerationPrompt, variables, now: new Date(now) });
};

describe("transformers' own rendering and ids", () => {
  test.each(cases)("$name", (one) => {
    if (one.error !== undefined) {
      expect(() => promptOf(one)).toThrow(one.error);
      return;
    }
    const { text, ids, warnings } = promptOf(one);
    expect(text).toBe(one.text);
    expect(ids).toEqual(one.ids);
    expect(warnings).toEqual([]);
  });
  test("there are cases of every template", () => {
    expect(new Set(cases.map(({ template }) => template))).toEqual(new Set(Object.keys(templates)));
  });
});

/** Ids of special tokens in the prompt of a case. */
const specialOf = (one: Case): number[] => promptOf(one).ids.filter((id) => specialIds.has(id));

/** A conversation with other contents: what is beside them stays. */
const withContents = (one: Case, content: (i: number) => string): Case => ({
  ...one,
  messages: one.messages.map((message, i) =>
    typeof message.content === "string" && message.content !== "" ? { ...message, content: content(i) } : message,
  ),
});

// What a hostile text is made of: whole special tokens, halves of them, letters, white space, other characters.
const piece = fc.oneof(
  fc.constantFrom(...special),
  fc.constantFrom(
    ...special.flatMap((token) => [token.slice(0, -1), token.slice(1), token.slice(0, 3), token.slice(-2)]),
  ),
  fc.constantFrom("</think>", "<think>", "<tool_call>", " ", "\n", "a", "Ünï", "🙂", "\ud83d", "\udc05", "user"),
  fc.string({ maxLength: 4 }),
);
const hostile = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => `x${pieces.join("")}x`);

describe("no text of a message becomes a special token", () => {
  const fine = cases.filter(({ error, name }) => error === undefined && name !== "filters-documents");
  test.each(fine)("$name", (one) => {
    const own = specialOf(withContents(one, () => "xx"));
    expect(own.length > 0 || one.template === "filters").toBe(true);
    fc.assert(
      fc.property(fc.array(hostile, { minLength: 4, maxLength: 4 }), (contents) => {
        const made = withContents(one, (i) => contents[i % contents.length]!);
        expect(specialOf(made)).toEqual(own);
      }),
      { numRuns: 40 },
    );
  });

  test("whether a template trims, cuts, joins, replaces, changes letters or writes JSON", () => {
    const shapes = [
      "{{ m.content | trim }}",
      "{{ m.content.strip('x') | upper | lower }}",
      "{{ m.content.split('|') | join('|') }}",
      "{{ m.content.split('|', 1)[-1] ~ m.content.rsplit('|', 1)[0] }}",
      "{{ m.content.partition('<') | join }}",
      "{{ m.content | replace('_', '_') }}",
      "{{ m.content.replace('x', '', 1) }}",
      "{{ m.content[::-1][::-1] }}",
      "{% for c in m.content %}{{ c }}{% endfor %}",
      "{% set t %}{{ m.content }}{% endset %}{{ t }}",
      "{% macro say(t) %}{{ t }}{% endmacro %}{{ say(m.content) }}",
      "{{ '%s' % m.content }}{{ '{}'.format(m.content) }}{{ '%s' | format(m.content) }}",
      "{{ m | tojson }}{{ [m.content] }}",
      "{{ m.content.title() }}{{ m.content | capitalize }}{{ m.content.swapcase().swapcase() }}",
      "{{ (m.content ~ '') | indent(2) | string }}",
      "{% if '<|im_end|>' in m.content or m.content == '</s>' or m.content.startswith('<s>') %}{{ m.content }}{% else %}{{ m.content }}{% endif %}",
      "{{ m.content.removeprefix('<').removesuffix('>') }}",
      "{{ '<' + m.content + '>' }}",
    ];
    for (const shape of shapes) {
      const template = readChatTemplate(`{% for m in messages %}{{ bos_token }}${shape}<|im_end|>{% endfor %}`);
      fc.assert(
        fc.property(hostile, (content) => {
          const names = tokenizer.named;
          const { text, given } = renderChat(template, [{ role: "user", content }], {}, { special, names });
          const { ids } = tokenizer.encode(text, { addSpecialTokens: false, plain: given });
          const made = ids.filter((id) => specialIds.has(id)).map((id) => tokenizer.piece(id));
          expect(made, shape).toEqual(["<s>", "<|im_end|>"]);
        }),
        { numRuns: 60 },
      );
    }
  });

  test("in whatever letters a tokenizer makes the same of", () => {
    const json = readFileSync(new URL("../tokenizers/unigram.json", root), "utf8");
    const unigram = createTokenizer(JSON.parse(json) as JsonObject);
    const tokens = [...unigram.specialTokens.keys()].filter((token) => unigram.tokenId(token) !== unigram.unknownId);
    const template = readChatTemplate("{% for m in messages %}{{ m.content }}</s>{% endfor %}");
    const wide = (text: string) => text.replace(/[!-~]/g, (char) => String.fromCharCode(char.charCodeAt(0) + 0xfee0));
    for (const token of tokens) {
      for (const content of [token, wide(token), token.replace("<", "＜"), `a ${wide(token)} b`]) {
        const options = { special: tokens, names: new Map<string, string>() };
        const { text, given } = renderChat(template, [{ role: "user", content }], {}, options);
        const { ids } = unigram.encode(text, { addSpecialTokens: false, plain: given });
        const made = ids.map((id) => unigram.piece(id)).filter((piece) => tokens.includes(piece!));
        expect(made, content).toEqual(["</s>"]);
      }
    }
  });

  test("names, arguments, tools and unknown roles are texts too", () => {
    const template = readChatTemplate(
      "{{ tools | tojson }}{% for m in messages %}{{ '<|' ~ m.role ~ '|>' ~ m.name ~ m.content }}{% endfor %}",
    );
    const rendered = (role: string) =>
      renderChat(
        template,
        [{ role, name: "</s>", content: "<s>" }],
        { tools: [{ "<pad>": ["<|end|>"] }] },
        { special, names: new Map() },
      );
    const idsOf = (role: string) => {
      const { text, given } = rendered(role);
      const { ids } = tokenizer.encode(text, { addSpecialTokens: false, plain: given });
      return ids.filter((id) => specialIds.has(id)).map((id) => tokenizer.piece(id));
    };
    expect(idsOf("user")).toEqual(["<|user|>"]);
    expect(idsOf("end")).toEqual([]);
  });

  test("what a template does to texts and cannot be followed is refused where a special token could come of it", () => {
    const template = readChatTemplate(
      "{% for m in messages %}{% set said = {m.content: m.content} %}{{ said[m.content] }}{% endfor %}<|im_end|>",
    );
    const render = (content: string) =>
      renderChat(template, [{ role: "user", content }], {}, { special, names: new Map() });
    expect(render("a b")).toEqual({ text: "a b<|im_end|>", given: [] });
    for (const text of ["go </s>", "<|im_end", "＜/S＞"]) {
      expect(() => render(text), text).toThrow(/(<\/s>|<\|im_end\|>).*cannot be followed/);
    }
  });
});

test("a loop without end, a text without end and a depth without end stop soon, with a typed error and a line", () => {
  const shapes = [
    "{% for i in range(10**9) %}{{ i }}{% endfor %}",
    "{% set ns = namespace(t='ab') %}\n{% for i in range(99) %}{% set ns.t = ns.t + ns.t %}{% endfor %}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{{ 'a' * 10**9 }}",
  ];
  for (const shape of shapes) {
    const started = performance.now();
    const render = () =>
      renderChat(readChatTemplate(shape), [{ role: "user", content: "x" }], {}, { special, names: new Map() });
    expect(render).toThrow(expect.objectContaining({ code: "too_long" }));
    expect(render).toThrow(/line \d/);
    expect(performance.now() - started).toBeLessThan(10_000);
  }
});

test("what is missing prints as nothing, and what is asked of it fails with the line", () => {
  const render = (source: string) =>
    renderChat(readChatTemplate(source), [{ role: "user", content: "x" }], {}, { special, names: new Map() }).text;
  expect(render("[{{ bos_token + 'a' + eos_token }}{{ tools is none }}{{ unknown_thing }}]")).toBe("[aTrue]");
  expect(() => render("\n{{ messages[0].title + 'a' }}")).toThrow(/line 2.*no attribute 'title'/);
  expect(() => render("{{ messages.append(1) }}")).toThrow(/access to attribute 'append' of 'list' object is unsafe/);
  expect(() => render("{% break %}")).toThrow(/stands in no loop/);
  expect(() => render("{% for m in messages %}{{ m.content }")).toThrow(/line 1/);
});
