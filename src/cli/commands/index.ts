/** `zeroth index`: documents made searchable in one file, and that file looked after. */
import { fail } from "../../errors.ts";
import { stemmings } from "../../retrieve/lexical/analyse.ts";
import { defineCommand } from "../define.ts";
import { engine } from "../options.ts";

const words = ["build", "update", "verify", "compact", "export", "import", "push", "text"] as const;

export default defineCommand({
  group: "search",
  summary: "Make documents searchable: build an index, keep it as they are, check it",
  arguments: "<build|update|verify|compact|export|import|push|text> [path...]",
  words,
  options: [
    { flags: "--store <file>", help: "the index's file" },
    { flags: "-m, --model <name>", help: "model that gives vectors; without one words alone are searched" },
    {
      flags: "--query-model <name>",
      help: "model of questions, where it is another one (docs/search.md, Two encoders)",
    },
    { flags: "--chunk <n>", help: "most tokens of a chunk (256, or what the model reads)", as: "integer" },
    {
      flags: "--overlap <n>",
      help: "tokens that neighbouring chunks share, at most (an eighth, 32 at most)",
      as: "integer",
    },
    { flags: "--stem <language>", help: "endings are taken off words: english (none)", values: stemmings },
    { flags: "--document-prompt <text>", help: "put before every chunk; as the model's folder says by default" },
    { flags: "--query-prompt <text>", help: "put before every question; as the model's folder says by default" },
    {
      flags: "--dimensions <n>",
      help: "the first n numbers of a vector alone, of models trained for it",
      as: "integer",
    },
    { flags: "--output <file>", help: "export: write the chunks to this file, .jsonl or .parquet" },
    { flags: "--table <name>", help: "push: Qdrant's collection or PostgreSQL's table (zeroth_chunks)" },
    ...engine,
  ],
  rows: '`build`, `update`: `{"document","chunks","pages"?}` a document, or `{"document","error"}`, then `{"done":true,"documents","chunks","reused","removed","failed"}`; `verify`: `{"problem"}` each, then `{"done":true,"documents","chunks","vectors","problems"}`, exit 4 where there are some; `compact`: `{"done":true,"before","after"}`; `export`: `{"document","chunk","text","start","end","heading"?,"page"?,"title","kind","prefix"?,"before"?,"after"?,"fields"?,"modified","hash","index","embedding"?}`; `import FILE`: `{"done":true,"documents","chunks"}`; `push URL`: `{"done":true,"sent","chunks"}`; `text DOCUMENT`: `{"text"}`',
  example: "zeroth index build notes papers --store notes.index --model sentence-transformers/all-MiniLM-L6-v2",
  async run({ args: [action, ...paths], flags, output, signal }) {
    if (action === undefined)
      fail("wrong_use", "what is to be done?", { hint: "zeroth index build FOLDER --store FILE" });
    const { oneOf } = await import("../parse.ts");
    const todo = oneOf("zeroth index", action, words);
    const { storeOf } = await import("../retrieve/open.ts");
    const call = { paths, store: storeOf(flags), flags, output, signal };
    if (todo === "build" || todo === "update") return (await import("../retrieve/build.ts")).build(todo, call);
    return (await import("../retrieve/keep.ts")).keep(todo, call);
  },
});
