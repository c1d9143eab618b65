/** Jobs: what takes long, with how far it is and what became of it. */
import type { Job } from "../../client/client.ts";
import { JobProgress } from "../../parts/job-progress.tsx";
import { agoText, secondsText } from "../../parts/numbers.ts";
import { client, jobs } from "../../state/session.ts";
import "./jobs.css";

const states = { running: "running", waiting: "waiting", done: "done", failed: "failed", stopped: "stopped" } as const;

function JobRow(job: Job) {
  const { id, title, state, started, ended, stoppable } = job;
  const lasted = ended === undefined ? "" : `${secondsText((ended - started) / 1000)}, ${agoText(ended)}`;
  return (
    <li class="job" data-state={state}>
      <div class="job-head">
        <h2>{title}</h2>
        {stoppable && (
          <button type="button" onClick={() => void client.value?.stop?.(id)}>
            Stop
          </button>
        )}
      </div>
      <p class="quiet">
        {states[state]}
        {lasted && ` · ${lasted}`}
      </p>
      <JobProgress {...job} />
    </li>
  );
}

export function Panel() {
  const all = jobs.value;
  return (
    <div class="page jobs-page">
      <h1>
        Jobs <small>Downloads, openings of models and batches, while they run and after.</small>
      </h1>
      {all.length > 0 ? (
        <ul class="job-list">
          {all.map((job) => (
            <JobRow key={job.id} {...job} />
          ))}
        </ul>
      ) : (
        <p class="quiet">
          Nothing takes long at the moment.{" "}
          {client.value?.downloads && (
            <>
              A model that is downloaded under <a href="#models">Models</a> shows here.
            </>
          )}
        </p>
      )}
    </div>
  );
}
