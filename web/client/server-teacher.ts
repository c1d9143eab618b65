/** Teaching on the server: rows are uploaded, a job of fine-tuning is begun, its events are followed. */
import { Problem, problemOf } from "./client.ts";
import { frames } from "./frames.ts";
import { createQueue } from "./queue.ts";
import type { Caller } from "./request.ts";
import type { Lesson, LessonTold, Taught, Teacher } from "./teach.ts";
import type { CheckpointsBody, FileBody, TuningBody, TuningEventBody } from "./wire.ts";

const jobs = "v1/fine_tuning/jobs";

/** A server of an earlier version has no such route. */
const cannotTeach = (cause: unknown) =>
  new Problem("This server cannot teach.", {
    hint: "It is an older one, or was started without it. This browser can: choose it above.",
    cause,
  });

const isMissing = (error: unknown) => problemOf(error).status === 404 || problemOf(error).status === 405;

/** Rows as a model that writes is taught them, or one that reads. */
function linesOf({ rows }: Lesson, reads: boolean): string {
  const row = ({ text, label }: Lesson["rows"][number]) => (reads ? { text, label } : { prompt: text, target: label });
  return `${rows.map((one) => JSON.stringify(row(one))).join("\n")}\n`;
}

/** What an event of the server tells. */
export function toldOf({ type, level, message = "", data = {} }: TuningEventBody): readonly LessonTold[] {
  const { step = 0, total_steps: steps = 0, train_loss: loss, best = false, samples } = data;
  if (samples) {
    const shown = samples.map(({ input, expected, output }) => ({ text: input, wanted: expected, said: output }));
    return [{ kind: "shown", step, samples: shown }];
  }
  if (type === "metrics" && loss !== undefined) return [{ kind: "step", step, steps, loss }];
  if (type === "metrics") {
    // The first of them is what the evaluation judges by.
    const named = Object.entries(data).find(([name, value]) => /^valid_/.test(name) && typeof value === "number");
    if (!named) return [];
    return [{ kind: "judged", step, metric: named[0].slice(6), value: named[1] as number, best: best === true }];
  }
  return level === "warn" ? [{ kind: "warned", text: message }] : [];
}

interface Own {
  readonly length?: number;
  readonly rate?: number;
  readonly more?: object;
}

/** Sizes and rates that suit the embedded model; of others the server's own. */
const nano: Readonly<Record<Lesson["method"], Own>> = {
  "p-tuning-v2": { length: 8, rate: 2e-1, more: { sites: ["encoder"], init: "normal(0.5)" } },
  prompt: { length: 16, rate: 3e-1 },
  lora: { rate: 1e-2 },
};

/** @param reads the model reads and has a head of its own, which judges itself */
export function bodyOf(lesson: Lesson, file: string, reads: boolean): Record<string, unknown> {
  const { model, name, method, epochs, held, seed, classes } = lesson;
  const own: Own = model === "zeroth-nano" ? nano[method] : {};
  const { length = own.length, rate = own.rate } = lesson;
  return {
    ...{ model, training_file: file, suffix: name, seed, hyperparameters: { n_epochs: epochs } },
    tuning: {
      ...{ method, split: held, too_long: "cut", ...own.more },
      ...(classes && !reads && { metric: "accuracy" }),
      ...(length !== undefined && method !== "lora" && { length }),
      ...(rate !== undefined && { learning_rate: rate }),
    },
  };
}

/** Results that the person looked at, with what the page knows of them. */
const seen = new Map<string, Taught>();

/** @param kindOf what a model of the server is */
export function serverTeacher(server: Caller, kindOf: (model: string) => string | undefined): Teacher {
  async function begin(lesson: Lesson): Promise<TuningBody> {
    const form = new FormData();
    form.set("purpose", "fine-tune");
    const reads = kindOf(lesson.model) === "encoder";
    const text = linesOf(lesson, reads);
    form.set("file", new Blob([text], { type: "application/jsonl" }), `${lesson.name}.jsonl`);
    const { id } = await server.send<FileBody>("v1/files", form);
    try {
      return await server.post<TuningBody>(jobs, bodyOf(lesson, id, reads));
    } catch (error) {
      throw isMissing(error) ? cannotTeach(error) : error;
    }
  }

  /** The model that a job has made: its result, or where it was ended early its newest checkpoint. */
  async function resultOf(id: string): Promise<string> {
    const { fine_tuned_model: model, status, error } = await server.get<TuningBody>(`${jobs}/${id}`);
    if (model) return model;
    if (status === "failed") {
      const where = error?.row === undefined ? "" : ` (row ${error.row})`;
      throw new Problem(`The server could not teach it: ${error?.message ?? "it does not say why"}${where}`, {
        ...(error?.code && { code: error.code }),
      });
    }
    const { data = [] } = await server.get<CheckpointsBody>(`${jobs}/${id}/checkpoints`);
    const newest = data[0]?.fine_tuned_model_checkpoint;
    if (newest) return newest;
    throw new Problem("It was ended before there was anything to keep.", {
      hint: "The server keeps what it has at the end of every round through the rows.",
    });
  }

  return {
    async able(signal) {
      try {
        await server.get(`${jobs}?limit=1`, signal);
      } catch (error) {
        if (isMissing(error)) throw cannotTeach(error);
        throw error;
      }
    },
    teach(lesson) {
      const queue = createQueue<LessonTold>();
      const left = new AbortController();
      let dropped = false;
      const begun = begin(lesson);
      const act = (verb: "pause" | "resume" | "cancel") =>
        void begun
          .then(({ id }) => server.post(`${jobs}/${id}/${verb}`, {}))
          .catch((error: unknown) => queue.push({ kind: "warned", text: problemOf(error).message }));

      async function follow(): Promise<void> {
        const { id } = await begun;
        let started = false;
        const stream = await server.streamed(`${jobs}/${id}/events?stream=true`, left.signal);
        for await (const data of frames(stream)) {
          const told = toldOf(JSON.parse(data) as TuningEventBody);
          const first = told.find((one) => one.kind === "step");
          if (first && !started) {
            started = true;
            queue.push({ kind: "started", steps: first.steps });
            const { tuning } = await server.get<TuningBody>(`${jobs}/${id}`);
            const { trained_parameters: trained, parameters } = tuning ?? {};
            if (trained && parameters) queue.push({ kind: "counted", trained, parameters });
          }
          queue.push(...told);
        }
        if (dropped) throw new Problem("Stopped.", { stopped: true });
        const model = await resultOf(id);
        const labels = lesson.classes ? [...new Set(lesson.rows.map(({ label }) => label))] : [];
        seen.set(model, { id: model, changed: Date.now(), base: lesson.model, labels });
        queue.push({ kind: "taught", model });
      }

      follow().then(
        () => queue.end(),
        (error: unknown) => queue.end(dropped ? new Problem("Stopped.", { stopped: true }) : error),
      );
      return {
        told: queue,
        pause: () => act("pause"),
        goOn: () => act("resume"),
        finish: () => act("cancel"),
        drop() {
          dropped = true;
          act("cancel");
          left.abort();
        },
      };
    },
    taught: async () => [...seen.values()].sort((a, b) => b.changed - a.changed),
    async note(taught) {
      seen.set(taught.id, taught);
    },
  };
}
