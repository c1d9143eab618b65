/** A question of documents as code that asks it again: of a server's vector store, or of an index file. */
import { type CodeForm, shellWord } from "../../parts/code.ts";

export interface SearchCode {
  readonly query: string;
  readonly mode: string;
  readonly k: number;
  /** Of the server, with a slash at its end. */
  readonly address: string;
  /** The vector store; what stands for one where documents lie in this browser. */
  readonly store: string;
}

const forms: { readonly [K in CodeForm]: (search: SearchCode) => string } = {
  curl: ({ query, k, address, store }) =>
    `curl ${address}v1/vector_stores/${store}/search \\\n  -H 'content-type: application/json' \\\n  -d ${shellWord(
      JSON.stringify({ query, max_num_results: k }, undefined, 2),
    )}\n`,
  typescript: ({ query, k, address, store }) =>
    [
      'import OpenAI from "openai";',
      "",
      `const client = new OpenAI({ baseURL: ${JSON.stringify(`${address}v1`)}, apiKey: "none" });`,
      `const found = await client.vectorStores.search(${JSON.stringify(store)}, ${JSON.stringify({ query, max_num_results: k }, undefined, 2)});`,
      "for (const { filename, score, content } of found.data) console.log(score, filename, content[0].text);",
      "",
    ].join("\n"),
  python: ({ query, k, address, store }) =>
    [
      "from openai import OpenAI",
      "",
      `client = OpenAI(base_url=${JSON.stringify(`${address}v1`)}, api_key="none")`,
      `found = client.vector_stores.search(${JSON.stringify(store)}, query=${JSON.stringify(query)}, max_num_results=${k})`,
      "for hit in found.data:",
      "    print(hit.score, hit.filename, hit.content[0].text)",
      "",
    ].join("\n"),
  zeroth: ({ query, mode, k }) =>
    `zeroth index build documents --store documents.index\nzeroth search --store documents.index --mode ${mode} -k ${k} ${
      query.startsWith("-") ? "-- " : ""
    }${shellWord(query)}\n`,
};

export const searchCode = (form: CodeForm, search: SearchCode): string => forms[form](search);
