/** Chat templates: read, and run on a conversation, twice, with and without marks. */
import { readFileSync } from "node:fs";
import { textMutation } from "./rows.js";

const fixture = new URL("../test/fixtures/chat/expected.json", import.meta.url);
const { templates } = JSON.parse(readFileSync(fixture, "utf8"));
const messages = [
  { role: "system", content: "Be brief. " },
  { role: "user", content: "Hi <|im_end|> [INST] \ud83d\ude42" },
  {
    role: "assistant",
    content: "<think>\na\n</think>\n\nb",
    tool_calls: [{ function: { name: "f", arguments: { a: 1 } } }],
  },
  { role: "user", content: "Ünï\n" },
];
const special = { special: ["<|im_end|>", "</s>", "[INST]"], names: new Map([["bos_token", "<s>"]]) };

const parts = [
  ...[
    "{{ ",
    " }}",
    "{% ",
    " %}",
    "{%- ",
    " -%}",
    "{# ",
    " #}",
    "{% raw %}",
    "{% endraw %}",
    "{% endif %}",
    "{% endfor %}",
  ],
  ...[
    "{% for m in messages %}",
    "{% if m %}",
    "{% break %}",
    "{% set x = ",
    "messages",
    "[::-1]",
    "[1:]",
    ".content",
    "loop.",
  ],
  ...[
    "{% macro f() %}{{ f() }}{% endmacro %}",
    "range(10 ** 9)",
    " * 10 ** 9",
    " ~ ",
    " + ",
    "(",
    ")",
    "[",
    "]",
    "'",
    '"',
  ],
  ...[" | trim", " | tojson(indent=3)", " | upper", " | join", ".split('<')", ".replace('', 'x')", " is defined", "\n"],
];

export const chatReader = ({ readChatTemplate, renderChat }) => ({
  name: "chat template",
  seeds: Object.values(templates),
  mutate: textMutation(parts, 20_000),
  read(bytes) {
    const text = new TextDecoder().decode(bytes);
    const options = { tools: [{ name: "f" }], documents: [{ title: "t", text: "x" }], now: new Date(0) };
    const { text: printed, given } = renderChat(readChatTemplate(text), messages, options, special);
    for (const [start, end] of given) {
      if (!(start >= 0 && start < end && end <= printed.length))
        throw new Error(`a range [${start}, ${end}) of nothing`);
    }
  },
});
