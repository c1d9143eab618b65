/** What a file of papers' metadata holds: months and categories, read in this browser before anything is sent. */
import { kaggleRecord } from "../../../src/digest/sources/kaggle.ts";
import { Problem } from "../../client/client.ts";
import type { Papers } from "../../client/digests.ts";

/** Lines that are looked at; the server reads all of them. */
const most = 200_000;

const monthOf = (text: string | undefined): string | undefined => {
  const time = Date.parse(text ?? "");
  return Number.isFinite(time) ? new Date(time).toISOString().slice(0, 7) : undefined;
};

async function* linesOf(file: Blob): AsyncGenerator<string> {
  const reader = file
    .stream()
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  yield rest;
}

/** @throws a problem for a file that holds none */
export async function papersIn(file: File): Promise<Papers> {
  const months = new Map<string, number>();
  const categories = new Map<string, number>();
  let [papers, looked] = [0, 0];
  for await (const line of linesOf(file)) {
    if (line.trim() === "") continue;
    if (++looked > most) break;
    let row: unknown;
    try {
      row = JSON.parse(line);
    } catch {
      // A first line that is no JSON is another kind of file.
      if (looked === 1) break;
      continue;
    }
    if (typeof row !== "object" || row === null || Array.isArray(row)) continue;
    const { submitted, categories: own, title } = kaggleRecord(row as Parameters<typeof kaggleRecord>[0], "jsonl");
    const month = monthOf(submitted);
    if (month === undefined || !title) continue;
    papers++;
    months.set(month, (months.get(month) ?? 0) + 1);
    for (const name of own) if (name !== "") categories.set(name, (categories.get(name) ?? 0) + 1);
  }
  if (papers === 0) {
    throw new Problem(`${file.name} holds no papers that could be read.`, {
      hint: "Each line is a JSON object with id, title, abstract, categories and submitted, or as arXiv's snapshot has them.",
    });
  }
  const counted = (counts: ReadonlyMap<string, number>) => [...counts].map(([name, n]) => ({ name, papers: n }));
  return {
    ...{ id: file.name, papers },
    categories: counted(categories).sort((a, b) => b.papers - a.papers || (a.name < b.name ? -1 : 1)),
    months: counted(months)
      .sort((a, b) => (a.name < b.name ? 1 : -1))
      .map(({ name: month, papers: n }) => ({ month, papers: n })),
  };
}
