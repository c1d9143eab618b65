/** A named pipe, which nobody writes to: who opens it to read waits for ever. Not on Windows. */
import { execFileSync } from "node:child_process";

const maker = "mkfifo";

export function makePipe(path: string): void {
  execFileSync(maker, [path]);
}
