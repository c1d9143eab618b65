/**
 * The script of a process that plans, writes or exports a summary. It may be killed at any moment: what it was told is
 * kept, is. Models are asked through its server, so that their answers are computed in one batch with everybody's.
 */
import { readBytes, withFile } from "../../base/read-node.ts";
import { sha256 } from "../../base/sha256.ts";
import { type ErrorCode, fail, ZerothError } from "../../errors.ts";
import { readDocument } from "../../media/documents/read-node.ts";
import { exported } from "../../summarize/export/export.ts";
import { memoryStore, type RunRow } from "../../summarize/run/memory.ts";
import { type Planned, planDocument } from "../../summarize/run/plan.ts";
import { begin, resume } from "../../summarize/run/run.ts";
import { type ShownNode, shownNode } from "../../summarize/run/shown.ts";
import { stateOf, viewerOf, viewOf } from "../../summarize/run/state.ts";
import { ruleWriter } from "../../summarize/writers/rules.ts";
import type { Answer, Writer } from "../../summarize/writers/writer.ts";
import { serveOnce, tellOwner } from "../jobs/serve-child-node.ts";
import { type AskEngine, engineWriter } from "./engine-writer-node.ts";
import type {
  BookFile,
  FromSummary,
  Kept,
  PlanTold,
  SummaryStart,
  SummaryTask,
  ToldFailure,
  ToSummary,
} from "./messages.ts";

const tell = (message: FromSummary): Promise<void> => tellOwner(message);

/** What is waited for, by the number under which it was asked. */
const waiting = new Map<number, (value: never) => void>();
let next = 1;
function request<T>(message: (id: number) => FromSummary): Promise<T> {
  const id = next++;
  return new Promise((resolve) => {
    waiting.set(id, resolve as (value: never) => void);
    void tell(message(id));
  });
}

const keep = (kept: Kept): Promise<void> => request((id) => ({ kind: "keep", id, ...kept }));

const askEngine: AskEngine = async (prompt, settings) => {
  const answer = await request<Answer | ToldFailure>((id) => ({ kind: "ask", id, prompt, settings }));
  if ("code" in answer) throw new ZerothError(answer.code as ErrorCode, answer.message);
  return answer;
};

const writerOf = ({ writer }: SummaryStart): Writer =>
  writer.kind === "rule" ? ruleWriter(writer.rule) : engineWriter(writer, askEngine);

const planOf = async ({ path, name }: BookFile, writer: Writer, options: object): Promise<Planned> =>
  planDocument(await readDocument(path, name), writer, { ...options, where: name });

const toldPlan = ({ estimate, settings, tokens, book }: Planned): PlanTold => ({
  ...{ title: book.title ?? null, estimate, settings, tokens },
  trimmed: book.trimmed.map(({ span, why }) => ({ ...span, why })),
});

/** How messages name the run. */
const where = "the summary";

async function write(task: Extract<SummaryTask, { stage: "write" }>, writer: Writer): Promise<void> {
  const shown = new Map(task.shown);
  const plan = task.begin && (await planOf(task.begin.book, writer, task.begin.options));
  /** Rows that are kept with what is told next: an answer, its line and its node are one. */
  let held: RunRow[] = [];
  let nodes: ShownNode[] = [];
  const changed = (node: ShownNode): boolean => {
    const text = JSON.stringify(node);
    if (shown.get(node.id) === text) return false;
    shown.set(node.id, text);
    return true;
  };
  const flush = async (more: Partial<Kept> = {}) => {
    const kept = { rows: held, nodes, ...more };
    [held, nodes] = [[], []];
    await keep(kept);
  };
  const store = memoryStore({
    where,
    rows: task.rows,
    async write(row) {
      if (row.kind === "run" && plan) {
        // The tree is seen as soon as it stands.
        const begun = memoryStore({ where, rows: [row], write: async () => {} });
        const state = stateOf(begun);
        const { view, provenance } = viewerOf(state);
        nodes = state.tree.nodes.map((node) => shownNode(state, view(node), provenance)).filter(changed);
        held.push(row);
        return flush({ plan: toldPlan(plan) });
      }
      held.push(row);
      // A line is the end of a node's; what begins after it needs it.
      if (row.kind === "line") await flush();
    },
  });
  const options = {
    writer,
    budget: { maxCalls: task.maxCalls },
    events: {
      shown: (node: ShownNode) => void (changed(node) && nodes.push(node)),
      node: (progress: NonNullable<Kept["progress"]>) => void flush({ progress }),
      warn: (text: string) => void tell({ kind: "warned", text }),
    },
  };
  const book = task.begin?.book;
  const result = plan
    ? await begin(store, {
        ...options,
        planned: plan,
        from: { name: book!.name, path: book!.name, sha256: sumOf(book!.path) },
        source: { model: writer.name },
      })
    : await resume(store, { ...options, above: task.above, strict: task.strict });
  const state = stateOf(store);
  const view = viewOf(state);
  nodes = view.nodes.map((one) => shownNode(state, one, view.provenance)).filter(changed);
  await flush();
  await tell({ kind: "written", result, missing: view.missing.length });
}

const sumOf = (path: string): string => withFile(path, (file, size) => sha256(readBytes(file, 0, size)));

async function work(start: SummaryStart): Promise<void> {
  const { task } = start;
  try {
    if (task.stage === "export") {
      const store = memoryStore({ where, rows: task.rows, write: () => fail("internal", "an export writes nothing") });
      return tell({ kind: "exported", content: exported(stateOf(store), task.format) });
    }
    await using writer = writerOf(start);
    if (task.stage === "plan")
      return tell({ kind: "planned", plan: toldPlan(await planOf(task.book, writer, task.options)) });
    await write(task, writer);
  } catch (error) {
    if (!(error instanceof ZerothError)) console.error(error);
    const failure =
      error instanceof ZerothError
        ? { code: error.code, message: error.hint ? `${error.message} (${error.hint})` : error.message }
        : { code: "internal", message: String(error) };
    await tell({ kind: "failed", failure });
  }
}

serveOnce<ToSummary>(work, (message) => {
  const resolve = waiting.get(message.id) as ((value: unknown) => void) | undefined;
  waiting.delete(message.id);
  resolve?.(message.kind === "answered" ? message.answer : undefined);
});
