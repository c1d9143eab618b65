/** How far a job is: altogether, each file of a download by itself, and what a scan of it found. */
import type { Job } from "../client/client.ts";
import { bytesText, plural, secondsText } from "./numbers.ts";
import { Progress } from "./progress.tsx";

/** Files that are shown by themselves; of very many the largest. */
const mostFiles = 12;

function Files({ files }: { readonly files: NonNullable<Job["files"]> }) {
  const shown = [...files].sort((a, b) => b.bytes - a.bytes).slice(0, mostFiles);
  return (
    <ul class="files">
      {shown.map(({ file, bytes, done }) => (
        <li key={file} data-file={file}>
          <span class="name">{file}</span>
          <progress aria-label={file} value={done} max={Math.max(1, bytes)} />
          <span class="quiet number">
            {done >= bytes ? bytesText(bytes) : `${bytesText(done)} of ${bytesText(bytes)}`}
          </span>
        </li>
      ))}
      {files.length > shown.length && <li class="quiet">and {plural(files.length - shown.length, "smaller file")}</li>}
    </ul>
  );
}

const verdicts = {
  safe: "Scan says: safe. Every byte of every file was looked at.",
  unknown: "Scan says: nothing harmful was found, but not everything can be told.",
  unsafe: "Scan says: not safe for programs that run what a file asks for. This one runs nothing of it.",
} as const;

export function ScanNote({ scan }: { readonly scan: NonNullable<Job["scan"]> }) {
  const { verdict, findings } = scan;
  return (
    <div class={verdict === "safe" ? "quiet" : "warning"} data-verdict={verdict}>
      <p>{verdicts[verdict]}</p>
      {findings.length > 0 && (
        <details>
          <summary>What it found</summary>
          <ul>
            {findings.map((finding) => (
              <li key={finding}>{finding}</li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

export function JobProgress({ title, state, progress, started, files = [], secondsLeft, rate, scan, problem }: Job) {
  return (
    <>
      {state === "running" && (
        <>
          {progress && progress.unit !== "bytes" ? (
            <div class="progress">
              <progress aria-label={title} value={progress.done} max={progress.total ?? 1} />
              <span class="quiet number">
                {progress.done} of {plural(progress.total ?? 0, progress.unit.slice(0, -1))}
              </span>
            </div>
          ) : (
            <Progress
              label={title}
              {...(secondsLeft === undefined && { started })}
              {...(secondsLeft !== undefined && { further: `${secondsText(secondsLeft)} left` })}
              {...(rate !== undefined && { rate })}
              {...(progress && { done: progress.done, ...(progress.total !== undefined && { total: progress.total }) })}
            />
          )}
          {files.length > 1 && <Files files={files} />}
        </>
      )}
      {scan && <ScanNote scan={scan} />}
      {problem && <p class="warning">{problem}</p>}
    </>
  );
}
