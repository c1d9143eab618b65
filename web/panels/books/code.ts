/** A book's summary as code that asks for it again: of a server, or by the command. */
import type { BookOrder } from "../../client/books.ts";
import { type CodeForm, shellWord } from "../../parts/code.ts";

export interface BookCode {
  readonly name: string;
  readonly order: BookOrder;
  /** Of the server, with a slash at its end. */
  readonly address: string;
}

const bodyOf = ({ model, by, until, question, leafTokens, seed }: BookOrder, more: object): string =>
  JSON.stringify({ model, ...more, by, until, question, leaf_tokens: leafTokens, seed }, undefined, 2);

const forms: { readonly [K in CodeForm]: (book: BookCode) => string } = {
  curl: ({ name, order, address }) =>
    [
      `file=$(curl -s ${address}v1/files -F purpose=user_data -F ${shellWord(`file=@${name}`)} | sed 's/.*"id":"\\([^"]*\\)".*/\\1/')`,
      `echo ${shellWord(bodyOf(order, { file_id: "FILE" }))} | sed "s/FILE/$file/" |\n  curl ${address}v1/summaries -H 'content-type: application/json' -d @-\n`,
    ].join("\n"),
  typescript: ({ name, order, address }) =>
    [
      'import { createReadStream } from "node:fs";',
      'import OpenAI from "openai";',
      "",
      `const client = new OpenAI({ baseURL: ${JSON.stringify(`${address}v1`)}, apiKey: "none" });`,
      `const file = await client.files.create({ file: createReadStream(${JSON.stringify(name)}), purpose: "user_data" });`,
      `const summary = await client.post("/summaries", { body: { file_id: file.id, ...${bodyOf(order, {})} } });`,
      "console.log(summary);",
      "",
    ].join("\n"),
  python: ({ name, order, address }) =>
    [
      "from openai import OpenAI",
      "",
      `client = OpenAI(base_url=${JSON.stringify(`${address}v1`)}, api_key="none")`,
      `file = client.files.create(file=open(${JSON.stringify(name)}, "rb"), purpose="user_data")`,
      `summary = client.post("/summaries", cast_to=object, body={"file_id": file.id, **${bodyOf(order, {})}})`,
      "print(summary)",
      "",
    ].join("\n"),
  zeroth: ({ name, order }) => {
    const { model, by, until, question, leafTokens, seed } = order;
    const flags = [
      ["--model", model],
      ["--by", by],
      ["--until", until],
      ["--question", question],
      ["--leaf-tokens", leafTokens],
      ["--seed", seed],
    ] as const;
    const given = flags.flatMap(([flag, value]) => (value === undefined ? [] : [flag, shellWord(String(value))]));
    return `zeroth summarize ${shellWord(name)} ${given.join(" ")} --out summary.run\n`;
  },
};

export const bookCode = (form: CodeForm, book: BookCode): string => forms[form](book);
