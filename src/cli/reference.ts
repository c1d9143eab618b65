/** docs/command-line.md, printed from the commands' definitions and the list of errors. */
import { errorCodes } from "../errors.ts";
import type { Commands, OptionSpec } from "./command.ts";
import { grouped, usage } from "./help.ts";
import { common } from "./options.ts";

const table = (options: readonly OptionSpec[]) =>
  options.length === 0
    ? ""
    : `\n| option | meaning |\n|---|---|\n${options.map(({ flags, help }) => `| \`${flags.replace(/\|/g, "\\|")}\` | ${help} |`).join("\n")}\n`;

/** The whole page. */
export function reference(commands: Commands): string {
  const sections = grouped(commands).flatMap(({ members }) =>
    members.map(
      ([name, command]) =>
        `## ${usage(name, command)}\n\n${command.summary}. Rows with \`--json\`: ${command.rows}.\n${table(command.options)}\n    ${command.example}\n`,
    ),
  );
  const codes = Object.entries(errorCodes).map(([code, { exit, means }]) => `| \`${code}\` | ${exit} | ${means} |`);
  return `# The command line

Printed from the program's own definitions. \`zeroth\` alone on a terminal opens a prompt (chat.md), with
\`--model\` one of that model; \`zeroth "a question"\` is \`zeroth generate\` on the embedded model. Where standard input
is no terminal it is the prompt, or goes behind the one that is given; \`-\` stands for it among several. In a checkout
(after \`npm ci\`) and in a folder that has the package, \`zeroth\` is \`npx zeroth\`.

What a command writes with \`--out\`, \`--html\` or \`--plot\` replaces nothing that is there without \`--overwrite\`.

Results go to stdout, talk to stderr. With \`--json\` stdout carries one JSON object a line. \`--input\` takes rows
(\`.jsonl\`, \`.csv\`, \`.tsv\`, each also \`.gz\`, \`.parquet\`, or \`-\` for JSON lines on stdin) and gives one result a row,
in order, each batch as soon as it is done, with the input's \`id\` digit for digit; a row that cannot be done has
\`{"id","error":{"code","message"}}\` in its place and the exit code is 1. With \`--output\` the rows are kept when the
program is stopped or killed, and \`--resume\` goes on with them (ask.md).

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
| \`ZEROTH_HOME\` | where the prompt keeps its history, quantised copies of models, results of evaluations, and the server its database (\`zeroth.db\`) |
| \`DATABASE_URL\` | a PostgreSQL database (\`postgres://user:password@host/name\`) for the server, in the place of that file |
| \`NO_COLOR\`, \`FORCE_COLOR\`, \`TERM=dumb\` | colours off, on, off |
`;
}
