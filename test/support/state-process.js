/**
 * A process beside the tests' own, on the database that its environment names: `work` on batches until it is killed, or
 * `write` until it is killed, saying what has been accepted a line at a time.
 */
import { createHash, randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import { startBatchWorker } from "../../dist/state/batches/worker-node.js";
import { createFile } from "../../dist/state/files-node.js";
import { createKey } from "../../dist/state/keys-node.js";
import { putObject } from "../../dist/state/objects.js";
import { openState } from "../../dist/state/open-node.js";

const state = await openState(process.env);
const say = (value) => writeSync(1, `${JSON.stringify(value)}\n`);

if (process.argv[2] === "work") {
  startBatchWorker(state, {
    name: process.argv[3],
    lease: 1,
    look: 0.2,
    together: 4,
    async answer({ body }) {
      await new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 15));
      return {
        status: body.n % 10 === 3 ? 400 : 200,
        requestId: "req",
        body: { twice: body.n * 2, by: process.argv[3] },
      };
    },
    problem: (error) => say({ problem: String(error) }),
  });
  say({ ready: true });
} else {
  for (let i = 0; ; i++) {
    const content = randomBytes(20_000 + ((i * 77_777) % 300_000));
    const file = await createFile(state, "writer", { filename: "f", purpose: "batch", most: 1 << 20 }, [content]);
    say({ file: file.id, sha256: createHash("sha256").update(content).digest("hex"), bytes: content.length });
    const { key, id } = await createKey(state, { name: `key ${i}` });
    say({ key, id });
    const response = `resp-${process.pid}-${i}`;
    await putObject(state, "writer", "response", { id: response, data: { i, text: "x".repeat(i * 50) } });
    say({ response, i });
  }
}
