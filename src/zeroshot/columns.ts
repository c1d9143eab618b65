/** Rows as files have them, as the templates of promptsource expect them: labels as numbers, nested rows made flat. */
import type { Row, Value } from "../data/values.ts";

type Mapping = (row: Row) => readonly Row[];

const isMap = (value: Value | undefined): value is ReadonlyMap<string, Value> => value instanceof Map;
const list = (value: Value | undefined): readonly Value[] => (Array.isArray(value) ? value : []);
const changed = (row: Row, changes: Readonly<Record<string, Value>>): Row =>
  new Map([...row, ...Object.entries(changes)]);

/** Names of labels to their numbers; what is no such name stays. */
const named =
  (...names: string[]): Mapping =>
  (row) => {
    const label = row.get("label");
    const place = typeof label === "string" ? names.indexOf(label.toLowerCase()) : -1;
    return [place < 0 ? row : changed(row, { label: place })];
  };

const truth: Mapping = (row) => {
  const label = row.get("label");
  return [typeof label === "boolean" ? changed(row, { label: Number(label) }) : named("false", "true")(row)[0]!];
};

/** The spans of a WSC row beside its text. */
const spans: Mapping = (row) => {
  const target = row.get("target");
  if (!isMap(target)) return truth(row);
  const rest = [...row].filter(([name]) => name !== "target");
  return truth(new Map([...rest, ...target]));
};

/** One row for each answer of each question of a passage. */
const answers: Mapping = (row) => {
  const passage = row.get("passage");
  if (!isMap(passage)) return [row];
  return list(passage.get("questions")).flatMap((question, q) => {
    if (!isMap(question)) return [];
    return list(question.get("answers")).flatMap((answer, a) => {
      if (!isMap(answer)) return [];
      const at = (value: Value | undefined, otherwise: number): Value => value ?? otherwise;
      const idx = new Map<string, Value>([
        ["paragraph", at(row.get("idx"), 0)],
        ["question", at(question.get("idx"), q)],
        ["answer", at(answer.get("idx"), a)],
      ]);
      return [
        new Map<string, Value>([
          ["paragraph", passage.get("text") ?? ""],
          ["question", question.get("question") ?? ""],
          ["answer", answer.get("text") ?? ""],
          // A split without labels is told as such where the label is read.
          ["label", answer.get("label") ?? -1],
          ["idx", idx],
        ]),
      ];
    });
  });
};

/** One row for each query about a passage, with the entities as texts; places in the passage include their last. */
const queries: Mapping = (row) => {
  const passage = row.get("passage");
  if (!isMap(passage)) return [row];
  const text = String(passage.get("text") ?? "");
  const named = list(passage.get("entities")).flatMap((entity) =>
    isMap(entity) ? [text.slice(Number(entity.get("start")), Number(entity.get("end")) + 1)] : [],
  );
  const entities = [...new Set(named)].sort();
  return list(row.get("qas")).flatMap((query, q) => {
    if (!isMap(query)) return [];
    const answers = list(query.get("answers")).flatMap((answer) => (isMap(answer) ? [answer.get("text") ?? ""] : []));
    const idx = new Map<string, Value>([
      ["passage", row.get("idx") ?? 0],
      ["query", query.get("idx") ?? q],
    ]);
    return [
      new Map<string, Value>([
        ["passage", text],
        ["query", query.get("query") ?? ""],
        ["entities", entities],
        ["answers", [...new Set(answers)]],
        ["idx", idx],
      ]),
    ];
  });
};

/** "Activity: context" as its parts. */
const activity: Mapping = (row) => {
  const query = row.get("query");
  if (typeof query !== "string" || row.has("ctx")) return [row];
  const cut = query.indexOf(": ");
  return [changed(row, { activity_label: query.slice(0, Math.max(0, cut)), ctx: query.slice(cut < 0 ? 0 : cut + 2) })];
};

/** By data set and subset. */
const mappings: Readonly<Record<string, Mapping>> = {
  "super_glue/rte": named("entailment", "not_entailment"),
  "super_glue/axb": named("entailment", "not_entailment"),
  "super_glue/axg": named("entailment", "not_entailment"),
  "super_glue/cb": named("entailment", "contradiction", "neutral"),
  "super_glue/boolq": truth,
  "super_glue/wic": truth,
  "super_glue/wsc": spans,
  "super_glue/wsc.fixed": spans,
  "super_glue/multirc": answers,
  "super_glue/record": queries,
  anli: named("entailment", "neutral", "contradiction"),
  hellaswag: activity,
};

/** Rows of a data set in the columns its templates ask for; rows that have them already stay as they are. */
export const canonicalRows = (task: string, rows: readonly Row[]): readonly Row[] => {
  const mapping = mappings[task];
  return mapping ? rows.flatMap(mapping) : rows;
};
