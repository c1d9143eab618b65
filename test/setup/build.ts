/** Before the tests: the compiled program is that of the sources, for what tests import and for what they run. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

function newest(folder: string): number {
  return Math.max(
    0,
    ...readdirSync(folder, { withFileTypes: true }).map((entry) => {
      const path = join(folder, entry.name);
      if (entry.name.endsWith(".test.ts")) return 0;
      return entry.isDirectory() ? newest(path) : statSync(path).mtimeMs;
    }),
  );
}

export default function setup(): void {
  // Tests that import the sources need the list of commands; where it changes, the program is built anew.
  execFileSync(process.execPath, [join(root, "scripts/list-commands.mjs")], { stdio: "inherit" });
  const built = join(root, "dist");
  if (existsSync(join(built, "node/main.js")) && newest(built) >= newest(join(root, "src"))) return;
  execFileSync("npm", ["run", "--silent", "build"], { cwd: root, stdio: "inherit" });
}
