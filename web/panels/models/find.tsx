/** A model of the hub: what it would take, before anything of it comes; then its download, file by file. */
import { useEffect, useRef, useState } from "preact/hooks";
import { type DownloadPlan, type Problem, problemOf, Problem as Trouble } from "../../client/client.ts";
import { Icon } from "../../parts/icon.tsx";
import { JobProgress } from "../../parts/job-progress.tsx";
import { bytesText, plural } from "../../parts/numbers.ts";
import { ProblemNote } from "../../parts/problem.tsx";
import { client, jobs, refresh } from "../../state/session.ts";

const outlooks: Readonly<Record<DownloadPlan["outlook"], string>> = {
  data: "Only kinds of file that hold data, no code.",
  may_hold_code: "Files that may hold code (pickles). This program reads them without running any of it.",
  code: "There are programs among the files. This program runs none of them.",
};

/** A name as hubs have it. */
const sane = (name: string): boolean => /^[\w.-]+(\/[\w.-]+)?([@:][\w./ -]+)?$/.test(name) && name.length < 300;

function askable(name: string): Problem | undefined {
  if (name === "") {
    return new Trouble("There is no name yet.", { hint: "Type one, as HuggingFaceTB/SmolLM2-135M-Instruct." });
  }
  return sane(name) ? undefined : new Trouble("That is no model's name.", { hint: "It looks like owner/name." });
}

function refused(error: unknown): Problem {
  const problem = problemOf(error);
  if (problem.code !== "model_not_found") return problem;
  return new Trouble("The hub gives no such model.", {
    hint: "Look at its spelling: owner/name, as the model's page has it.",
    ...(problem.details !== undefined && { details: problem.details }),
  });
}

interface PlanProps {
  readonly plan: DownloadPlan;
  onDownload(): void;
  onOpen(): void;
  onLeave(): void;
}

function Plan({ plan, onDownload, onOpen, onLeave }: PlanProps) {
  const { model, files, bytes, missing, free, fits, outlook } = plan;
  const part = missing < bytes && missing > 0 ? `, ${bytesText(missing)} of them still to come` : "";
  return (
    <section class="plan" aria-label={`Before downloading ${model}`} data-fits={fits}>
      <h2>{model}</h2>
      <dl>
        <dt>Size</dt>
        <dd class="number">
          {bytesText(bytes)} in {plural(files.length, "file")}
          {missing === 0 ? ", all here already" : part}
        </dd>
        {free !== undefined && (
          <>
            <dt>Free disk</dt>
            <dd class="number">
              {bytesText(free)}
              {!fits && ": not enough"}
            </dd>
          </>
        )}
        <dt>Memory</dt>
        <dd class="number">about {bytesText(weightsOf(plan))} when open</dd>
        <dt>Scan says</dt>
        <dd>
          {outlooks[outlook]} That is told by their names{missing > 0 && "; every byte is looked at once it is here"}.
        </dd>
      </dl>
      <details>
        <summary>The files</summary>
        <table>
          <tbody>
            {files.map((one) => (
              <tr key={one.file}>
                <th scope="row">{one.file}</th>
                <td>{one.kind}</td>
                <td class="number">{bytesText(one.bytes)}</td>
                <td>{one.here ? "here" : ""}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
      <div class="actions">
        {missing === 0 ? (
          <button type="button" class="primary" onClick={onOpen}>
            Open
          </button>
        ) : (
          <button type="button" class="primary" disabled={!fits} onClick={onDownload}>
            <Icon name="save" />
            <span>Download {bytesText(missing)}</span>
          </button>
        )}
        <button type="button" class="quiet" onClick={onLeave}>
          Not now
        </button>
      </div>
    </section>
  );
}

/** Bytes of the files that become memory. */
const weightsOf = ({ files }: DownloadPlan): number =>
  files.reduce((sum, { kind, bytes }) => sum + (/^(safetensors|torch|gguf|pickle)$/.test(kind) ? bytes : 0), 0);

/** Downloads that run, or that ended during this visit of the panel. */
function Running({ begun, onOpen }: { readonly begun: ReadonlySet<string>; onOpen(model: string): void }) {
  const shown = jobs.value.filter(
    ({ model, state }, at, all) =>
      model !== undefined &&
      (state === "running" || begun.has(model)) &&
      all.findIndex((other) => other.model === model) === at,
  );
  if (shown.length === 0) return null;
  return (
    <ul class="downloads">
      {shown.map((job) => (
        <li key={job.id} data-download={job.model} data-state={job.state}>
          <div class="download-head">
            <h2>
              {job.state === "running" ? job.title : job.model}{" "}
              {job.state === "stopped" && <small>stopped; what has come is kept</small>}
              {job.state === "done" && <small>is here</small>}
            </h2>
            {job.stoppable && (
              <button type="button" onClick={() => void client.value?.stop?.(job.id)}>
                Cancel
              </button>
            )}
            {job.state === "done" && job.scan?.verdict !== "unsafe" && (
              <button type="button" class="primary" onClick={() => onOpen(job.model!)}>
                Open
              </button>
            )}
          </div>
          <JobProgress {...job} />
        </li>
      ))}
    </ul>
  );
}

/** @param onOpen opens a model that is here */
export function Find({ onOpen }: { onOpen(model: string): void }) {
  const [name, setName] = useState("");
  const [plan, setPlan] = useState<DownloadPlan | undefined>();
  const [looking, setLooking] = useState(false);
  const [trouble, setTrouble] = useState<Problem | undefined>();
  const [begun, setBegun] = useState<ReadonlySet<string>>(new Set());
  const stop = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => stop.current?.abort(), []);
  const hub = client.value?.downloads;
  if (!hub) return null;

  const look = async () => {
    const wanted = name.trim();
    stop.current?.abort();
    const controller = new AbortController();
    stop.current = controller;
    setPlan(undefined);
    const wrong = askable(wanted);
    setTrouble(wrong);
    if (wrong) return;
    setLooking(true);
    try {
      const found = await hub.plan(wanted, controller.signal);
      if (!controller.signal.aborted) setPlan(found);
    } catch (error) {
      if (!controller.signal.aborted) setTrouble(refused(error));
    } finally {
      if (stop.current === controller) setLooking(false);
    }
  };
  const download = async (model: string) => {
    setPlan(undefined);
    setBegun(new Set([...begun, model]));
    try {
      await hub.begin(model);
    } catch (error) {
      setTrouble(refused(error));
    }
    await refresh();
  };
  return (
    <>
      <form
        class="find"
        onSubmit={(event) => {
          event.preventDefault();
          void look();
        }}
      >
        <label for="hub-name">Get another model by its name on the hub</label>
        <div>
          <input
            id="hub-name"
            type="search"
            placeholder="HuggingFaceTB/SmolLM2-135M-Instruct"
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            value={name}
            onInput={({ currentTarget }) => setName(currentTarget.value)}
          />
          <button type="submit" aria-busy={looking}>
            {looking ? "Looking…" : "Look"}
          </button>
        </div>
        <p class="quiet">Nothing is downloaded before you have seen its size and said yes.</p>
      </form>
      {trouble && <ProblemNote problem={trouble} />}
      {plan && (
        <Plan
          plan={plan}
          onDownload={() => void download(plan.model)}
          onOpen={() => {
            setPlan(undefined);
            onOpen(plan.model);
          }}
          onLeave={() => setPlan(undefined)}
        />
      )}
      <Running begun={begun} onOpen={onOpen} />
    </>
  );
}
