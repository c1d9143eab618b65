/** `zeroth summarize`: a whole book as a tree of summaries, every sentence with its source. */
import { fail } from "../../errors.ts";
import { contextModes } from "../../summarize/run/settings.ts";
import { promptStyles } from "../../summarize/writers/prompts.ts";
import { defineCommand } from "../define.ts";
import { adapter, engine, model } from "../options.ts";

const words = [
  "resume",
  "show",
  "trace",
  "text",
  "edit",
  "revert",
  "redo",
  "export",
  "verify",
  "compare",
  "eval",
] as const;

export default defineCommand({
  group: "use",
  summary: "Summarize a book so that every sentence names its source; stop, go on, and correct it",
  arguments: "<book|resume|show|trace|text|edit|revert|redo|export|verify|compare|eval> [run] [node]",
  words,
  options: [
    { ...model, help: `${model.help}; extractive or lead: sentences of the book, by rule` },
    adapter,
    { flags: "--out <folder>", help: "the run's folder; one that was stopped is gone on with" },
    { flags: "--estimate", help: "say what it will take, and do nothing" },
    { flags: "--endpoint <url>", help: "ask this OpenAI-compatible endpoint, for its --model" },
    { flags: "--api-key-env <name>", help: "variable that holds the endpoint's key (OPENAI_API_KEY)" },
    { flags: "--rpm <n>", help: "endpoint: most requests a minute", as: "integer" },
    { flags: "--tpm <n>", help: "endpoint: most tokens a minute", as: "integer" },
    {
      flags: "--price <in,out>",
      help: "endpoint: dollars for a million tokens of prompts, and of answers",
      as: "list",
    },
    { flags: "--budget-usd <x>", help: "stop when this is spent; needs --price", as: "number" },
    { flags: "--max-calls <n>", help: "stop after so many calls", as: "integer" },
    { flags: "--concurrency <n>", help: "calls at once (8; endpoints: 4)", as: "integer" },
    {
      flags: "--window <n>",
      help: "tokens that the model reads (its own, at most 2048; endpoints: 4096)",
      as: "integer",
    },
    { flags: "--leaf-tokens <n>", help: "tokens of a leaf (600, or what fits)", as: "integer" },
    {
      flags: "--limits <a,b,c>",
      help: "most tokens of a summary of text, of leaves, and above (128,192,384)",
      as: "list",
    },
    {
      flags: "--context <mode>",
      help: "earlier summaries in a prompt (none; subtree for windows above 2048 tokens)",
      values: contextModes,
    },
    { flags: "--context-truncation <how>", help: "leave out the oldest, or half at once", values: ["oldest", "block"] },
    { flags: "--by <what>", help: "a subtree for each chapter, or heading:N for headings of N levels" },
    { flags: "--until <heading>", help: "only what stands before this heading" },
    { flags: "--question <text>", help: "ask this of the book" },
    { flags: "--prompt <style>", help: "how the model is asked (by its kind)", values: promptStyles },
    { flags: "--temperature <t>", help: "draw answers (0: the likeliest)", as: "number" },
    { flags: "--best-of <n>", help: "draw n answers for every node and keep the best by --reward", as: "integer" },
    { flags: "--reward <model>", help: "a reward model, as zeroth prefer reward trains it; the first is kept without" },
    { flags: "--seed <n>", help: "another than 0: another sectioning, and other draws", as: "integer" },
    { flags: "--jitter <x>", help: "how much chance changes the sectioning (0; 0.3 with a seed)", as: "number" },
    {
      flags: "--sectionings <k>",
      help: "cut it in k ways (seeds that follow one another), each a run below --out, and say how far they differ",
      as: "integer",
    },
    { flags: "--keep-all", help: "licences, title pages and tables of contents too" },
    { flags: "--force", help: "go on with a run under other options" },
    { flags: "--sentence <n>", help: "trace: this sentence, from 1 (all)", as: "integer" },
    { flags: "--node <id>", help: "trace: of this node (the root)" },
    { flags: "--depth <n>", help: "show: nodes so far from the root at most", as: "integer" },
    { flags: "--text <text>", help: "edit: the node's text from now on; - reads it from stdin" },
    { flags: "--later", help: "edit: leave the nodes above as they are until the run is gone on with" },
    { flags: "--strict", help: "resume, edit: make again also what was told of a changed summary" },
    {
      flags: "--format <format>",
      help: "export: md (default), html, epub, json",
      values: ["md", "html", "epub", "json"],
    },
    { flags: "--output <file>", help: "export: write to this file (stdout); compare: RUN/comparisons.jsonl" },
    { flags: "--references <file>", help: "eval: summaries by people: a text, or rows {summary}" },
    { flags: "--questions <file>", help: "eval: rows {question, answers}, or NarrativeQA's" },
    { flags: "--reader <model>", help: "eval: answers the questions from the summary" },
    { flags: "--judge <model>", help: "eval: names what is incoherent about every sentence (BooookScore)" },
    { flags: "--list", help: "compare: write what there is to choose among, for the page's panel, and ask nothing" },
    { flags: "--worker <name>", help: "compare: who chooses; each of them is asked about everything" },
    ...engine,
  ],
  rows: '`{"node","height","done","total",…}` as nodes finish, last `{"done":true,"summary","nodes","calls","unsupported",…}`; `--estimate`: `{"calls","input_tokens","output_tokens","heights":[…]}`; `--sectionings`: `{"sectioning","summary","words","unsupported",…}` each, then `{"done":true,"words":{"mean","least","most"},"unsupported":{…},"rougeL_between":{…}}`; `show`: `{"node","height","parent","start","end","text","state","flags"}`; `trace`: `{"sentence","text","spans":[{"start","end","text","score","heading"?,"page"?}],"supported"}`; `text`: `{"text"}`; `export`: `{"file","bytes"}`; `compare`: `{"node","text","candidates":[{"text"}]}` each, answered by a line of stdin (a, b, t, s, q), last `{"done","made","left","file"}`; `eval`: `{"run","depth","nodes","words","sentences","supported","coverage","density","compression","rouge"?,"answerable"?,"answers"?,"booook"?}`, of several runs `{"depth","runs","spread"}` too; `verify`: `{"problem"}` each, then `{"done":true,"nodes","objects","problems"}`, exit 4 where there are some',
  example: "zeroth summarize book.epub --model HuggingFaceTB/SmolLM2-135M-Instruct --out book.run",
  async run({ args: [first, second, third, ...more], flags, output, signal }) {
    if (first === undefined) {
      fail("wrong_use", "which book?", { hint: "zeroth summarize book.epub --model NAME --out RUN" });
    }
    const call = { flags, output, signal };
    const action = words.find((word) => word === first);
    if (action === undefined) {
      if (second !== undefined)
        fail("wrong_use", `"${second.slice(0, 60)}" is one argument too many`, { hint: "one book at a time" });
      return (await import("../summarize/make.ts")).summarize(first, call);
    }
    const folder = second ?? fail("wrong_use", "which run?", { hint: `zeroth summarize ${action} RUN` });
    const folders = [folder, ...(third === undefined ? [] : [third]), ...more];
    if (action === "compare") return (await import("../summarize/compare.ts")).compare(folders, call);
    if (action === "eval") return (await import("../summarize/evaluate.ts")).evaluate(folders, call);
    if (more.length > 0) fail("wrong_use", `"${more[0]!.slice(0, 60)}" is one argument too many`);
    const needsNode = action === "edit" || action === "revert" || action === "redo";
    if (third !== undefined && !needsNode) fail("wrong_use", `"${third.slice(0, 60)}" is one argument too many`);
    if (action === "resume" || needsNode)
      return (await import("../summarize/make.ts")).change(action, folder, third, call);
    return (await import("../summarize/look.ts")).look(action, folder, call);
  },
});
