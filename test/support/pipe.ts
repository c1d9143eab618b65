/** A named pipe: opening it to read waits until somebody writes. */
import { execFileSync } from "node:child_process";

const command = "mkfifo";

export function makePipe(path: string): string {
  execFileSync(command, [path]);
  return path;
}
