/** A question as code that asks it again: over HTTP, with OpenAI's clients, with the library's command. */
import type { Ask } from "../client/client.ts";
import { wireSettings } from "../client/server.ts";

export type CodeForm = "curl" | "typescript" | "python" | "zeroth";

export const codeForms: readonly (readonly [CodeForm, string])[] = [
  ["curl", "curl"],
  ["typescript", "TypeScript"],
  ["python", "Python"],
  ["zeroth", "zeroth"],
];

export interface Coded {
  readonly ask: Ask;
  readonly choices: readonly string[];
  /** Of the server, with a slash at its end. */
  readonly address: string;
}

/** A text as one word of a POSIX shell. */
export const shellWord = (text: string): string =>
  /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

const isChat = (ask: Ask) => "messages" in ask.prompt;

function bodyOf({ ask, choices }: Coded): Record<string, unknown> {
  const prompt = "messages" in ask.prompt ? { messages: ask.prompt.messages } : { prompt: ask.prompt.text };
  return choices.length > 0
    ? { model: ask.model, ...prompt, choices }
    : { model: ask.model, ...prompt, ...wireSettings(ask.settings) };
}

const pathOf = ({ ask, choices }: Coded) =>
  choices.length > 0 ? "score" : isChat(ask) ? "chat/completions" : "completions";

/** JSON that Python reads as its own: true, false and null are spelt differently there. */
function pythonOf(value: unknown, indent = ""): string {
  if (value === true) return "True";
  if (value === false) return "False";
  if (value === null) return "None";
  const inner = `${indent}    `;
  if (Array.isArray(value)) return `[${value.map((one) => `\n${inner}${pythonOf(one, inner)},`).join("")}\n${indent}]`;
  if (typeof value === "object") {
    const entries = Object.entries(value as object);
    return `{${entries.map(([key, one]) => `${JSON.stringify(key)}: ${pythonOf(one, inner)}`).join(", ")}}`;
  }
  return JSON.stringify(value);
}

/** Fields that are not OpenAI's travel in its Python client's `extra_body`. */
const own = ["top_k", "min_p", "repetition_penalty"];

function curl(coded: Coded): string {
  const json = JSON.stringify(bodyOf(coded), undefined, 2);
  return `curl ${coded.address}v1/${pathOf(coded)} \\\n  -H 'content-type: application/json' \\\n  -d ${shellWord(json)}\n`;
}

function typescript(coded: Coded): string {
  const body = bodyOf(coded);
  const lines = [
    'import OpenAI from "openai";',
    "",
    `const client = new OpenAI({ baseURL: ${JSON.stringify(`${coded.address}v1`)}, apiKey: "none" });`,
  ];
  const json = JSON.stringify(body, undefined, 2);
  if (coded.choices.length > 0) {
    return [
      ...lines,
      `const scored = await client.post("/score", { body: ${json} });`,
      "console.log(scored);",
      "",
    ].join("\n");
  }
  const [call, text] = isChat(coded.ask)
    ? ["client.chat.completions.create", "answer.choices[0].message.content"]
    : ["client.completions.create", "answer.choices[0].text"];
  return [...lines, `const answer = await ${call}(${json});`, `console.log(${text});`, ""].join("\n");
}

function python(coded: Coded): string {
  const body = bodyOf(coded);
  const lines = [
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url=${JSON.stringify(`${coded.address}v1`)}, api_key="none")`,
  ];
  if (coded.choices.length > 0) {
    return [
      ...lines,
      `scored = client.post("/score", body=${pythonOf(body)}, cast_to=object)`,
      "print(scored)",
      "",
    ].join("\n");
  }
  const openai = Object.entries(body).filter(([name]) => !own.includes(name));
  const extra = Object.entries(body).filter(([name]) => own.includes(name));
  const fields = openai.map(([name, value]) => `    ${name}=${pythonOf(value, "    ")},`);
  if (extra.length > 0) fields.push(`    extra_body=${pythonOf(Object.fromEntries(extra))},`);
  const [call, text] = isChat(coded.ask)
    ? ["client.chat.completions.create", "answer.choices[0].message.content"]
    : ["client.completions.create", "answer.choices[0].text"];
  return [...lines, `answer = ${call}(`, ...fields, ")", `print(${text})`, ""].join("\n");
}

function zeroth({ ask, choices }: Coded): string {
  const { temperature, topP, topK, minP, repetitionPenalty, maxTokens, seed } = ask.settings;
  const messages = "messages" in ask.prompt ? ask.prompt.messages : [];
  const system = messages.find(({ role }) => role === "system")?.content;
  const text =
    "text" in ask.prompt ? ask.prompt.text : (messages.findLast(({ role }) => role === "user")?.content ?? "");
  const flags: (readonly [string, string | number | undefined])[] = [
    ["--model", ask.model],
    ["--choices", choices.length > 0 ? choices.join(",") : undefined],
    ["--system", system],
    ...(choices.length > 0
      ? []
      : ([
          ...(temperature
            ? [
                ["--sample", ""],
                ["--temperature", temperature],
              ]
            : []),
          ["--top-p", temperature ? topP : undefined],
          ["--top-k", temperature ? topK : undefined],
          ["--min-p", temperature ? minP : undefined],
          ["--repetition-penalty", repetitionPenalty],
          ["--max-new-tokens", maxTokens],
          ["--seed", temperature ? seed : undefined],
        ] as const)),
  ] as (readonly [string, string | number | undefined])[];
  const command = choices.length > 0 ? "score" : messages.length > 0 ? "chat" : "generate";
  const words = flags.flatMap(([name, value]) =>
    value === undefined ? [] : value === "" ? [name] : [name, shellWord(String(value))],
  );
  // A text that begins with a dash is no option.
  const last = text.startsWith("-") ? ["--", shellWord(text)] : [shellWord(text)];
  return `zeroth ${[command, ...words, ...last].join(" ")}\n`;
}

const forms: { readonly [K in CodeForm]: (coded: Coded) => string } = { curl, typescript, python, zeroth };

export const codeOf = (form: CodeForm, coded: Coded): string => forms[form](coded);
