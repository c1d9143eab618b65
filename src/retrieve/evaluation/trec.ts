/** TREC's files of runs: `question Q0 document rank score tag`, a hit a line. */
import { fail } from "../../errors.ts";
import { type Run, ranked } from "./metrics.ts";

/** @throws corrupt_file naming the line */
export function parseRun(text: string, where: string): Run {
  const run = new Map<string, Map<string, number>>();
  let number = 0;
  for (const line of text.split(/\r?\n/)) {
    number++;
    if (line.trim() === "") continue;
    const columns = line.trim().split(/\s+/);
    const [question, , document, , given] = columns;
    const score = Number(given);
    if (columns.length !== 6 || !Number.isFinite(score)) {
      fail("corrupt_file", `line ${number} is no hit: expected "question Q0 document rank score tag"`, { where });
    }
    let hits = run.get(question!);
    if (!hits) {
      hits = new Map();
      run.set(question!, hits);
    }
    if (hits.has(document!))
      fail("corrupt_file", `line ${number}: ${question} has the document ${document} twice`, { where });
    hits.set(document!, score);
  }
  return run;
}

export function runText(run: Run, tag = "zeroth"): string {
  const lines: string[] = [];
  for (const [question, scores] of run) {
    ranked(scores).forEach((id, i) => {
      lines.push(`${question} Q0 ${id} ${i + 1} ${scores.get(id)} ${tag}\n`);
    });
  }
  return lines.join("");
}
