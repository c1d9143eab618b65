/** A process that does one piece of work, from its server's side: started with it, told to stop, or killed. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface WorkChild<To> {
  readonly pid: number | undefined;
  post(message: To): void;
  kill(): void;
  /** Resolves when it has ended: how, in words, where that was not of its own will. */
  readonly ended: Promise<string | undefined>;
}

/**
 * Start the process of a script, which says `ready` and is then given its work. `told` hears what else it says, in order.
 */
export function startChild<To extends object, From extends { readonly kind: string }>(
  script: URL,
  start: To,
  told: (message: Exclude<From, { readonly kind: "ready" }>) => void,
): WorkChild<To> {
  const child = fork(fileURLToPath(script), {
    serialization: "advanced",
    execArgv: [],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  // A channel that is closed is told by the process's end.
  const post = (message: To) => void child.send(message, () => {});
  child.on("message", (message) => {
    const said = message as From;
    if (said.kind === "ready") post(start);
    else told(said as Exclude<From, { readonly kind: "ready" }>);
  });
  const ended = new Promise<string | undefined>((resolve) => {
    child.once("error", (error) => resolve(`it could not be started: ${error.message}`));
    child.once("exit", (code, signal) => {
      resolve(signal ? `it was ended by ${signal}` : code === 0 ? undefined : `exit code ${code}`);
    });
  });
  return { pid: child.pid, post, kill: () => void child.kill("SIGKILL"), ended };
}
