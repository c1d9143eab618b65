/** Before the tests: a home of their own. What a person has kept on this machine is neither read nor added to. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export default function setup(): () => void {
  const home = mkdtempSync(join(tmpdir(), "zeroth-test-home-"));
  // The tests' processes are started with this environment; a test that lists what is kept names a home of its own.
  // Tests that open the engine themselves do it as quietly as the program.
  process.env.ORT_DISABLE_TELEMETRY = "1";
  Object.assign(process.env, { ZEROTH_HOME: home, HF_HOME: join(home, "huggingface") });
  for (const name of ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "HF_TOKEN_PATH", "HF_ENDPOINT"])
    delete process.env[name];
  return () => rmSync(home, { recursive: true, force: true });
}
