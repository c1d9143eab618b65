/** `zeroth digest`: a month's papers in a newsletter: metadata in, counts, a choice with its reasons, pages and feeds out. */
import { fail } from "../../errors.ts";
import { defineCommand } from "../define.ts";
import { engine } from "../options.ts";

const words = ["ingest", "count", "make", "render", "year"] as const;

export default defineCommand({
  group: "search",
  summary: "A newsletter of a field: papers' metadata in, counts, the month's papers with reasons, pages and feeds out",
  arguments: "<ingest|count|make|render|year> [file|url]",
  words,
  options: [
    { flags: "--store <file>", help: "the file that holds the papers" },
    {
      flags: "--source <name>",
      help: "ingest: what is read: kaggle, oai, atom, jsonl, citations",
      values: ["kaggle", "oai", "atom", "jsonl", "citations"],
    },
    { flags: "--set <name>", help: "oai: a set, as cs or cs:cs:CL" },
    {
      flags: "--prefix <name>",
      help: "oai: arXivRaw (default), arXiv or oai_dc",
      values: ["arXivRaw", "arXiv", "oai_dc"],
    },
    { flags: "--from <day>", help: "oai: the first day, 2021-11-01; later harvests go on where the last one ended" },
    { flags: "--until <day>", help: "oai: the last day (today)" },
    { flags: "--days <n>", help: "oai: days that are asked for at once (1)", as: "integer" },
    { flags: "--query <text>", help: "atom: what is asked for, as arXiv's API has it" },
    { flags: "--pause <seconds>", help: "oai, atom: between two requests (3)", as: "number" },
    { flags: "--group <name>", help: "ai-ml (default), all, cs.CL, cs.CL,cs.LG, cs, or NAME=cs.RO,eess.SY" },
    { flags: "--by <period>", help: "count: month or year (year)", values: ["month", "year"] },
    { flags: "--series <name>", help: "count: what growth is of: primary or listed", values: ["primary", "listed"] },
    { flags: "--table <file>", help: "count: a table of counts (CSV) in the place of a store" },
    { flags: "--approximate", help: "count: the table is near, not exact" },
    { flags: "--plot <file>", help: "count: write the chart (SVG)" },
    { flags: "--month <month>", help: "make, render: 2021-11" },
    { flags: "--year <year>", help: "year: 2021" },
    { flags: "--top <n>", help: "make: papers of the digest (8)", as: "integer" },
    { flags: "--delay <n>", help: "make: months after it that the choice may know of (0)", as: "integer" },
    { flags: "--months <n>", help: "make: months that papers are chosen from (1)", as: "integer" },
    {
      flags: "--weights <a=1,b=2>",
      help: "make: how much a signal counts: citations, influential, resonance, venue, momentum, code, interest, authors",
      as: "list",
    },
    { flags: "--interest <text>", help: "make: an id, or words, of what you like; may be repeated", as: "repeat" },
    { flags: "--pin <id>", help: "make: shown whatever its score; may be repeated", as: "repeat" },
    { flags: "--ban <id>", help: "make: not shown; may be repeated", as: "repeat" },
    { flags: "--no-surveys", help: "make: leave surveys out" },
    { flags: "--misses <n>", help: "make: near misses that are told (10)", as: "integer" },
    { flags: "--edits <file>", help: "make: what the review page saved; kept in the store" },
    { flags: "-m, --model <name>", help: "make: who writes (zeroth-nano)" },
    { flags: "--extract", help: "make: sentences of the abstracts alone, without a model" },
    {
      flags: "--keep-unsupported",
      help: "make: mark sentences with numbers or names that the abstract lacks, instead of replacing them",
    },
    { flags: "--encoder <name>", help: "make: a model whose vectors are compared; words by default" },
    {
      flags: "--format <a,b>",
      help: "render: md, txt, html, review, eml, rss, atom, json-feed, json (md)",
      as: "list",
    },
    { flags: "--out <folder>", help: "render, year: write the files into this folder" },
    { flags: "--site <url>", help: "render: where the digests are published, for feeds" },
    { flags: "--mail-from <address>", help: "render: eml: the sender" },
    { flags: "--mail-to <address>", help: "render: eml: the reader" },
    { flags: "--unsubscribe <url>", help: "render: eml: where readers leave" },
    { flags: "--seed <n>", help: "make: of the clusters (0)", as: "integer" },
    ...engine,
  ],
  rows: '`ingest`: `{"records","new","changed","deleted"}`; `count`: `{"period","listed","primary","growth"?}` a period, growth as a share against the year before, then `{"done":true,"sentence"}`; `make`: `{"id","rank","score","reasons":[{"feature","value","percentile"}],"title"}` a paper, then `{"done":true,"month","papers","candidates","notes"}`; `render`, `year`: `{"format","file","bytes"}` a file',
  example: "zeroth digest make --store papers.db --month 2021-11 --group cs.CL",
  async run({ args: [action, path], flags, output, signal }) {
    if (action === undefined)
      fail("wrong_use", "what is to be done?", { hint: "zeroth digest ingest --source kaggle FILE --store papers.db" });
    const { oneOf } = await import("../parse.ts");
    const todo = oneOf("zeroth digest", action, words);
    const call = { path, flags, output, signal };
    if (todo === "ingest") return (await import("../digest/ingest.ts")).ingest(call);
    if (todo === "count") return (await import("../digest/count.ts")).count(call);
    if (todo === "make") return (await import("../digest/make.ts")).make(call);
    return (await import("../digest/render.ts"))[todo](call);
  },
});
