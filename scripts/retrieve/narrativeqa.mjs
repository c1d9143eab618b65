/**
 * Whole books, asked NarrativeQA's questions whose answer stands in the book: how often the answer's citation holds it.
 *
 *   node scripts/retrieve/narrativeqa.mjs --data BOOKS --model NAME [--index-model NAME] [--questions 50] [--rerank NAME]
 *
 * BOOKS has the books as .txt and narrativeqa-qa.jsonl ({"book_file","question","answer1","answer2"}). Every question is
 * asked of all books. Without --index-model words alone are searched; without --model the answer is the best sentence.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    data: { type: "string" },
    model: { type: "string" },
    "index-model": { type: "string" },
    rerank: { type: "string" },
    questions: { type: "string", default: "50" },
    k: { type: "string", default: "4" },
    work: { type: "string" },
  },
});
const { data, model, "index-model": indexModel, rerank, k } = values;
if (!data) throw new Error("--data is needed: the folder of the books");
const work = values.work ?? mkdtempSync(join(tmpdir(), "narrativeqa-"));
const program = new URL("../../bin/zeroth.js", import.meta.url).pathname;

function zeroth(...args) {
  const { stdout, status, error } = spawnSync("node", [program, ...args], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (error) throw error;
  const rows = stdout.split("\n").filter(Boolean).map(JSON.parse);
  return { rows, status };
}

/** DPR's way of comparing: lower-case tokens, contiguous. */
const tokens = (text) =>
  (text.normalize("NFD").match(/[\p{L}\p{N}\p{M}]+|[^\p{Z}\p{C}]/gu) ?? []).map((token) => token.toLowerCase());
const bare = (text) => tokens(text).filter((token) => /[\p{L}\p{N}]/u.test(token));
const dropped = new Set([
  "the",
  "a",
  "an",
  "his",
  "her",
  "their",
  "its",
  "in",
  "at",
  "to",
  "on",
  "of",
  "for",
  "by",
  "about",
]);
/** An answer without the small words at its ends, by which people differ. */
function core(answer) {
  const words = bare(answer);
  while (words.length > 1 && dropped.has(words[0])) words.shift();
  return words;
}
/** The words of a text with a blank at both ends, in which an answer's are looked for. */
const joined = (text) => ` ${bare(text).join(" ")} `;
const within = (words, answer) => answer.length > 0 && words.includes(` ${answer.join(" ")} `);
const holds = (text, answer) => within(joined(text), answer);

// The books without what their publisher has put around them.
const folder = join(work, "books");
mkdirSync(folder, { recursive: true });
const books = new Map();
const bookWords = new Map();
for (const name of readdirSync(data)) {
  if (!/_\d+\.txt$/.test(name)) continue;
  const whole = readFileSync(join(data, name), "utf8");
  const body = /\*\*\* ?START OF[^\n]*\n([\s\S]*?)\*\*\* ?END OF/.exec(whole)?.[1] ?? whole;
  books.set(name, body);
  bookWords.set(name, joined(body));
  writeFileSync(join(folder, name), body);
}

const questions = readFileSync(join(data, "narrativeqa-qa.jsonl"), "utf8")
  .split("\n")
  .filter(Boolean)
  .map(JSON.parse)
  .map((row, id) => ({
    ...row,
    id,
    answers: [core(row.answer1), core(row.answer2)].filter((one) => one.join("").length > 3),
  }))
  .filter(({ book_file, answers }) => answers.some((answer) => within(bookWords.get(book_file) ?? "", answer)));
// Every so many of them, so that all books are asked.
const wanted = Math.min(Number(values.questions), questions.length);
const chosen = Array.from({ length: wanted }, (_, i) => questions[Math.floor((i * questions.length) / wanted)]);
const input = join(work, "questions.jsonl");
writeFileSync(
  input,
  chosen.map(({ id, question }) => `${JSON.stringify({ id, question, query: question })}\n`).join(""),
);

const store = join(work, "books.index");
zeroth(
  "index",
  "build",
  folder,
  "--store",
  store,
  "--json",
  "--quiet",
  ...(indexModel ? ["--model", indexModel] : ["--stem", "english"]),
);
const { rows } = zeroth(
  ...["ask", "--store", store, "--input", input, "--json", "--k", k],
  ...(model ? ["--model", model] : ["--extract"]),
  ...(rerank ? ["--rerank", rerank] : []),
);
const found = zeroth(
  "search",
  "--store",
  store,
  "--input",
  input,
  "--json",
  "--k",
  k,
  ...(rerank ? ["--rerank", rerank] : []),
);

const counts = { questions: chosen.length, passages: 0, answered: 0, cited: 0, nearby: 0, right: 0 };
const shown = [];
for (const [i, { question, answers, book_file, answer1, answer2 }] of chosen.entries()) {
  const { text = "", citations = [], found: has = false, said, error } = rows[i];
  const any = (texts) => texts.some((one) => answers.some((answer) => holds(one, answer)));
  const around = ({ document, start, end }) =>
    books.get(document.split("/").at(-1)).slice(Math.max(0, start - 300), end + 300);
  const hit = has && any(citations.map(({ quote }) => quote));
  counts.passages += any((found.rows[i].hits ?? []).map((one) => one.text));
  counts.answered += has;
  counts.cited += hit;
  counts.nearby += has && any(citations.map(around));
  counts.right += has && any([text]);
  shown.push({
    question,
    expected: [answer1, answer2],
    book: book_file,
    text,
    said,
    cited: hit,
    citations: citations.map(({ document, quote }) => ({ document, quote })),
    error,
  });
}
writeFileSync(join(work, "answers.json"), JSON.stringify(shown, undefined, 1));
console.log(JSON.stringify({ ...counts, model: model ?? "best sentence", work }));
