/**
 * DPR's training files: a JSON list of questions with their answers, passages that answer them, and passages that do not,
 * of which the hard ones were found for the question.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { parseJsonObject } from "../../base/json.ts";
import { readTextFile } from "../../base/read-node.ts";
import { fail } from "../../errors.ts";
import type { Beir, BeirQuestion, Passage } from "./beir-node.ts";

const id = z.union([z.string(), z.number()]);
const passage = z.looseObject({
  title: z.string().nullish(),
  text: z.string(),
  passage_id: id.nullish(),
  psg_id: id.nullish(),
  id: id.nullish(),
});
const passages = z.array(passage).nullish();
const entry = z.looseObject({
  question: z.string().min(1),
  answers: z.array(z.string()).nullish(),
  positive_ctxs: passages,
  hard_negative_ctxs: passages,
  negative_ctxs: passages,
});

/** What a JavaScript text can be. */
const mostBytes = (1 << 29) - 32;

/** Ids of passages that have none: the same for the same text. */
const idOf = ({ title, text, passage_id, psg_id, id: own }: z.infer<typeof passage>): string => {
  const given = passage_id ?? psg_id ?? own;
  return given !== null && given !== undefined
    ? String(given)
    : createHash("sha256")
        .update(`${title ?? ""}\0${text}`)
        .digest("hex")
        .slice(0, 16);
};

/**
 * Questions are called q0, q1, … by their places; passages of every list are the corpus.
 * @throws corrupt_file naming the entry; bad_input where no question has a passage that answers it
 */
export function openDprJson(path: string): Beir {
  const list = parseJsonObject(`{"list":${readTextFile(path, mostBytes)}}`, path, mostBytes).list;
  if (!Array.isArray(list)) return fail("corrupt_file", "is no list of questions", { where: path });
  const corpus = new Map<string, Passage>();
  const questions = new Map<string, BeirQuestion>();
  const judgements = new Map<string, ReadonlyMap<string, number>>();
  const negatives = new Map<string, readonly string[]>();
  let without = 0;
  for (const [i, one] of list.entries()) {
    const where = `${path}, question ${i + 1}`;
    const parsed = entry.safeParse(one);
    if (!parsed.success) {
      const { path: at, message } = parsed.error.issues[0]!;
      return fail("corrupt_file", `${at.join(".") || "the entry"}: ${message}`, {
        where,
        hint: "an entry has question, answers, positive_ctxs and hard_negative_ctxs, whose passages have title and text",
      });
    }
    const put = (all: z.infer<typeof passages>): string[] =>
      (all ?? []).map((one) => {
        const own = idOf(one);
        const [title, text] = [one.title ?? "", one.text];
        const known = corpus.get(own);
        if (known && (known.text !== text || known.title !== title))
          fail("corrupt_file", `the passage "${own}" is there with another text`, { where });
        corpus.set(own, { id: own, title, text });
        return own;
      });
    const { question: text, answers, positive_ctxs, hard_negative_ctxs, negative_ctxs } = parsed.data;
    const name = `q${i}`;
    const right = put(positive_ctxs);
    const wrong = put(hard_negative_ctxs);
    put(negative_ctxs);
    if (right.length === 0) {
      without++;
      continue;
    }
    // As DPR reads them: the typographic apostrophe is the plain one.
    questions.set(name, { id: name, text: text.replaceAll("\u2019", "'"), ...(answers && { answers }) });
    judgements.set(name, new Map(right.map((own) => [own, 1])));
    negatives.set(name, wrong);
  }
  if (questions.size === 0) fail("bad_input", "no question has a passage that answers it", { where: path });
  const warnings = without > 0 ? [`${without} questions have no passage that answers them and are left out`] : [];
  return { corpus: [...corpus.values()], questions, judgements, warnings, negatives };
}

interface Listed {
  readonly question: string;
  readonly text: string;
  /** Rows of the corpus. */
  readonly positives: readonly number[];
  readonly negatives: readonly number[];
}

/** Questions with their passages as a file of DPR's. */
export function dprJson({ corpus, questions }: Pick<Beir, "corpus" | "questions">, mined: readonly Listed[]): string {
  const shown = (row: number) => {
    const { id: passage_id, title, text } = corpus[row]!;
    return { title, text, passage_id };
  };
  const entries = mined.map(({ question, text, positives, negatives }) => ({
    ...{ question: text, answers: questions.get(question)?.answers ?? [] },
    ...{ positive_ctxs: positives.map(shown), negative_ctxs: [], hard_negative_ctxs: negatives.map(shown) },
  }));
  return `[\n${entries.map((one) => JSON.stringify(one)).join(",\n")}\n]\n`;
}
