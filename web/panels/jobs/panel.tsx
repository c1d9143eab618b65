/** Jobs: what takes long, with how far it is and what became of it. */
import type { Job } from "../../client/client.ts";
import { agoText, secondsText } from "../../parts/numbers.ts";
import { Progress } from "../../parts/progress.tsx";
import { client, jobs } from "../../state/session.ts";
import "./jobs.css";

const states = { running: "running", waiting: "waiting", done: "done", failed: "failed" } as const;

function JobRow({ title, state, progress, started, ended, problem }: Job) {
  const lasted = ended === undefined ? "" : `${secondsText((ended - started) / 1000)}, ${agoText(ended)}`;
  return (
    <li class="job" data-state={state}>
      <h2>{title}</h2>
      <p class="quiet">
        {states[state]}
        {lasted && ` · ${lasted}`}
      </p>
      {state === "running" && (
        <Progress
          label={title}
          started={started}
          {...(progress && { done: progress.done, ...(progress.total !== undefined && { total: progress.total }) })}
        />
      )}
      {problem && <p class="warning">{problem}</p>}
    </li>
  );
}

export function Panel() {
  const all = jobs.value;
  return (
    <div class="page jobs-page">
      <h1>
        Jobs <small>Openings and downloads of models, while they run and after.</small>
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
          {client.value?.manages.anyModel && (
            <>
              A model that is opened by its name under <a href="#models">Models</a> shows here.
            </>
          )}
        </p>
      )}
    </div>
  );
}
