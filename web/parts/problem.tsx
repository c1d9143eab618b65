/** A failure in a person's words: what, the next step, and the rest behind a fold. */
import type { Problem } from "../client/client.ts";

export function ProblemNote({ problem }: { readonly problem: Problem }) {
  return (
    <div class="problem" role="alert">
      <p>
        <strong>{problem.message}</strong> {problem.hint}
      </p>
      {problem.details && (
        <details>
          <summary>Details</summary>
          <pre>{problem.details}</pre>
        </details>
      )}
    </div>
  );
}
