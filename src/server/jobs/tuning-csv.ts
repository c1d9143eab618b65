/** A run's numbers as OpenAI writes them into a job's result file: a row a step. */

type Row = Readonly<Record<string, number>> & { readonly step: number };

/** Evaluations have no loss of their own name but this one. */
const validName = (name: string): string =>
  name === "eval_loss" ? "valid_loss" : `valid_${name.replace(/^eval_/, "")}`;

/** Columns of a step that stay the same when it is done again. */
const columns = { loss: "train_loss", lr: "learning_rate", tokens: "tokens" } as const;

/** Rows of `metrics.jsonl`. */
export const metricRows = (text: string): Row[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Row);

/** What was measured at a step, by the names of the result file. */
export function metricsAt(rows: readonly Row[], step: number): Record<string, number> {
  const found: Record<string, number> = { step };
  for (const row of rows) {
    if (row.step !== step) continue;
    for (const [name, value] of Object.entries(row)) {
      if (name === "loss") found.train_loss = value;
      else if (!("loss" in row) && name !== "step") found[validName(name)] = value;
    }
  }
  return found;
}

/** `step,train_loss,learning_rate,tokens,valid_…` */
export function resultsCsv(rows: readonly Row[]): string {
  const steps = new Map<number, Record<string, number>>();
  const valid: string[] = [];
  for (const row of rows) {
    const cells = steps.get(row.step) ?? {};
    steps.set(row.step, cells);
    if ("loss" in row) {
      for (const [name, column] of Object.entries(columns)) if (row[name] !== undefined) cells[column] = row[name];
      continue;
    }
    for (const [name, value] of Object.entries(row)) {
      if (name === "step") continue;
      const column = validName(name);
      if (!valid.includes(column)) valid.push(column);
      cells[column] = value;
    }
  }
  const names = [...Object.values(columns), ...valid];
  const lines = [...steps].map(([step, cells]) => [step, ...names.map((name) => cells[name] ?? "")].join(","));
  return `${["step", ...names].join(",")}\n${lines.join("\n")}\n`;
}

/** Tokens of all steps. */
export const tokensOf = (rows: readonly Row[]): number => rows.reduce((sum, { tokens = 0 }) => sum + tokens, 0);
