/** Help texts, printed from the table of commands. */
import { readFileSync } from "node:fs";
import { errorCodes } from "../errors.ts";
import { type Command, type CommandName, commands, common, type OptionSpec } from "./commands.ts";

export function version(): string {
  const file = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

const optionLines = (options: readonly OptionSpec[]): string => {
  const width = Math.max(...options.map(({ flags }) => flags.length));
  return options.map(({ flags, help }) => `  ${flags.padEnd(width)}  ${help}`).join("\n");
};

/** Help of one command, or of the program. */
export function help(name?: string): string {
  if (name !== undefined && Object.hasOwn(commands, name)) {
    const command: Command = commands[name as CommandName];
    const own = command.options.length > 0 ? `\n${optionLines(command.options)}\n` : "";
    return `zeroth ${name} ${command.arguments}\n\n${command.summary}.\n${own}\n${optionLines(common)}\n\nExample: ${command.example}\n`;
  }
  const names = Object.keys(commands) as CommandName[];
  const width = Math.max(...names.map((key) => key.length));
  return `zeroth: open models you can actually use

  zeroth                 ask questions on a terminal
  zeroth "a question"    the answer of the embedded model

${names.map((key) => `  ${key.padEnd(width)}  ${commands[key].summary}`).join("\n")}

zeroth COMMAND --help shows a command's options.
`;
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** The name that was probably meant, if one is near enough. */
export function nearest(typed: string, known: readonly string[]): string | undefined {
  const ranked = known.map((name) => ({ name, far: distance(typed, name) })).sort((a, b) => a.far - b.far);
  const best = ranked[0];
  return best && best.far <= Math.max(1, Math.floor(best.name.length / 3)) ? best.name : undefined;
}

const rows: Record<CommandName, string> = {
  generate:
    '`{"prompt"}` or `{"tokens":[…]}`, also `"choices":[…]` → `{"text","tokens","finish","prompt_tokens","score"?}`',
  score:
    '`{"prompt","choices":[…]}` or `{"prompt","target"}` → `{"scores","lengths","best"}`, for one target also `"logprobs"`',
  tokenize: '`{"text"}` → `{"tokens","pieces","offsets"}`',
  inspect: '`{"architecture","parameters","dtype","vocabulary","files","memory","licence"?}`',
  pull: 'one `{"file","bytes","sha256"}` a file, then `{"done":true,"model","revision","path","files","bytes"}`',
  cache:
    '`list`: `{"repo","kind":"model"|"dataset","revision","commit","refs","bytes","files","last_used","path"}`, of what was made `{"copy"|"evaluations":name,"whole","bytes","files","last_used","path"}`; `remove`: `{"removed",…}`, then `{"done":true,"repo"|"removed","bytes"}`',
  train: '`{"done":true,"model","steps"}`; the run\'s folder has `metrics.jsonl`',
  mixture:
    'one `{"task","dataset","rows","rate","share","pairs"?,"dropped"?}` a task, one `{"place","task","row","prompt","target"}` an example, then `{"done":true,"tasks","rows","rate","missing"}`',
  export: 'one `{"file","bytes","sha256"}` a file, then `{"done":true,…}`',
  quantize:
    'one `{"file","bytes","sha256"}` a file, then `{"done":true,"out","dtype","tensors","worst":{"tensor","format","error"}}`',
  plan: '`{"model","architecture","shape"?,"parameters","files"?,"work","bytes","inference","training","tuning","flops","training_set"?,"machine","speed","verdict","known"}`, every key in [plan.md](plan.md#the-row)',
  scan: 'one `{"file","kind","verdict":"safe"|"unsafe"|"unknown","findings","hint"?}` a file, then `{"done":true,"path","safe","unsafe","unknown"}`',
  bench: '`{"model","threads","open_ms","encode_tokens_per_second","decode_tokens_per_second",…}`',
  doctor: 'one `{"check","ok","value","hint"?}` a finding',
  prompts:
    '`list`, `show`: `{"dataset","subset"?,"template","id","choices"?,…}`, show also `{"jinja","preview"?,…}`; `render`: a data row → `{"prompt","target","choices"?}`, or `{"skipped"}` where the template does not apply; `check`: one `{"file","template","line","problem"}` a finding, exit 4',
  eval: 'one a task and template `{"task","template","metric","value","stderr","interval","n","skipped","cut","chance","majority","metrics","ece"?,"normalize"?,"prompt_end"}`, one a task with `"template":null` and `median`, `mean`, `spread`; superglue adds the official metrics and `{"task":"superglue","metric":"average","value"}`',
  completion: "a script, no rows",
};

/** docs/command-line.md, printed from the table of commands and the list of errors. */
export function reference(): string {
  const table = (options: readonly OptionSpec[]) =>
    options.length === 0
      ? ""
      : `\n| option | meaning |\n|---|---|\n${options.map(({ flags, help }) => `| \`${flags.replace(/\|/g, "\\|")}\` | ${help} |`).join("\n")}\n`;
  const sections = (Object.keys(commands) as CommandName[]).map((name) => {
    const command: Command = commands[name];
    return `## zeroth ${name} ${command.arguments}\n\n${command.summary}. Rows with \`--json\`: ${rows[name]}.\n${table(command.options)}\n    ${command.example}\n`;
  });
  const codes = Object.entries(errorCodes).map(([code, { exit, means }]) => `| \`${code}\` | ${exit} | ${means} |`);
  return `# The command line

Printed from the program's own tables. \`zeroth\` alone on a terminal opens a prompt; \`zeroth "a question"\` is
\`zeroth generate\` on the embedded model.

Results go to stdout, talk to stderr. With \`--json\` stdout carries one JSON object a line. \`--input\` takes rows
(\`.jsonl\`, \`.csv\`, \`.parquet\`, or \`-\` for JSON lines on stdin) and gives one result a row, in order, with the input's
\`id\`; a row that cannot be done has \`{"id","error":{"code","message"}}\` in its place and the exit code is 1.

${sections.join("\n")}
## Every command
${table(common)}
## Errors and exit codes

0 is done. On failure the last line on stderr with \`--json\` is \`{"error":{"code","message","hint"}}\`.

| code | exit | means |
|---|---|---|
${codes.join("\n")}

## Environment

| variable | meaning |
|---|---|
| \`HF_HOME\`, \`HF_HUB_CACHE\`, \`XDG_CACHE_HOME\` | where the Hugging Face cache is |
| \`HF_ENDPOINT\` | another hub, or a mirror (\`https://huggingface.co\`) |
| \`HF_TOKEN\`, \`HF_TOKEN_PATH\` | the access token, or the file it is in (\`token\` in \`HF_HOME\`) |
| \`HF_HUB_OFFLINE\`, \`TRANSFORMERS_OFFLINE\` | 1: no request is made |
| \`HF_HUB_DOWNLOAD_TIMEOUT\` | seconds without a byte after which a connection is asked anew (10) |
| \`HF_HUB_DISABLE_PROGRESS_BARS\`, \`HF_HUB_DISABLE_SYMLINKS\`, \`HF_HUB_DISABLE_IMPLICIT_TOKEN\` | as in Python |
| \`HTTP_PROXY\`, \`HTTPS_PROXY\`, \`NO_PROXY\` | proxies for downloads |
| \`ZEROTH_HOME\` | where the prompt keeps its history, copies of models in few bits, and results of evaluations |
| \`NO_COLOR\`, \`FORCE_COLOR\`, \`TERM=dumb\` | colours off, on, off |
`;
}
