/** Routes of fine-tuning with a lesson that tests decide: OpenAI's bodies, the events that the server tells. */
import type { IncomingMessage, ServerResponse } from "node:http";

export interface FakeTuning {
  /** Bodies of jobs that were begun. */
  readonly jobs: Record<string, unknown>[];
  /** Forms that came, as they were sent. */
  readonly forms: string[];
  /** What was done to jobs. */
  readonly verbs: string[];
  /** Absent: there are no such routes. */
  steps?: number;
  /** Why jobs fail. */
  fails?: { readonly code: string; readonly message: string; readonly row: number };
}

export const fakeTuning = (): FakeTuning => ({ jobs: [], forms: [], verbs: [] });

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function eventsOf({ steps = 0 }: FakeTuning): object[] {
  const events: object[] = [{ type: "message", level: "info", message: "Fine-tuning job started", data: {} }];
  for (let step = 1; step <= steps; step++) {
    const at = { step, total_steps: steps };
    events.push({ type: "metrics", level: "info", message: "", data: { ...at, train_loss: 3 / step } });
    if (step % 4 !== 0) continue;
    const right = 0.5 + (0.4 * step) / steps;
    events.push({ type: "metrics", level: "info", message: "", data: { ...at, valid_accuracy: right, best: true } });
    const samples = [{ input: "Two rolls, please.", expected: "order", output: step < steps ? "praise" : "order" }];
    events.push({ type: "message", level: "info", message: "", data: { step, samples } });
  }
  return events;
}

const jobOf = ({ steps, fails, jobs }: FakeTuning) => ({
  ...{ id: "ftjob-1", object: "fine_tuning.job", status: fails ? "failed" : "succeeded" },
  fine_tuned_model: fails ? null : `${jobs.at(-1)?.model}:${jobs.at(-1)?.suffix}-1`,
  error: fails ?? null,
  tuning: { method: "p-tuning-v2", step: steps, steps, trained_parameters: 15360, parameters: 4_097_920 },
});

/** Answers a request of one of these routes; false for any other. */
export async function tuningRoute(
  tuning: FakeTuning,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const { pathname: path } = new URL(request.url ?? "/", "http://localhost");
  if (tuning.steps === undefined || !/^\/v1\/(files$|fine_tuning\/)/.test(path)) return false;
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const body = Buffer.concat(parts).toString("utf8");
  const json = (value: unknown) =>
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
  const verb = /\/(pause|resume|cancel)$/.exec(path)?.[1];
  if (path === "/v1/files") {
    tuning.forms.push(body);
    json({ id: "file-1", object: "file" });
  } else if (verb) {
    tuning.verbs.push(verb);
    json(jobOf(tuning));
  } else if (path.endsWith("/events")) {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const event of tuning.fails ? [] : eventsOf(tuning)) {
      response.write(`data: ${JSON.stringify(event)}\n\n`);
      await wait(20);
    }
    response.end("data: [DONE]\n\n");
  } else if (request.method === "POST") {
    tuning.jobs.push(JSON.parse(body) as Record<string, unknown>);
    json(jobOf(tuning));
  } else json(path.endsWith("/jobs") ? { object: "list", data: [] } : jobOf(tuning));
  return true;
}
