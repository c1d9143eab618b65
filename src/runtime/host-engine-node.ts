/** The engine's end of a host: the script of the worker thread or child process. Handles one call after another. */
import { parentPort } from "node:worker_threads";
import type { InferenceSession } from "onnxruntime-common";
import { whenOwnerGone } from "../base/owner-node.ts";
import type { TypedArray } from "../graph/dtype.ts";
import { engine } from "./engine-node.ts";
import type { Call, Reply, TensorMessage } from "./host-messages.ts";
import type { TensorClass } from "./session.ts";

const sessions = new Map<number, InferenceSession>();

async function handle(call: Call): Promise<number | Record<string, TensorMessage> | undefined> {
  if (call.kind === "open") {
    sessions.set(call.id, await engine().InferenceSession.create(call.prepared.model, call.prepared.options));
    return call.id;
  }
  if (call.kind === "run") {
    const session = sessions.get(call.session);
    if (!session) throw new Error(`there is no session ${call.session}`);
    const EngineTensor = engine().Tensor as unknown as TensorClass;
    const feeds = Object.entries(call.feeds).map(
      ([name, { type, data, dims }]) => [name, new EngineTensor(type, data, dims)] as const,
    );
    const results = await session.run(Object.fromEntries(feeds), call.outputs);
    const tensors = Object.entries(results).map(([name, { type, dims, data }]) => {
      // The engine's buffers belong to this thread: a copy travels.
      return [name, { type, dims, data: (data as TypedArray).slice() } as TensorMessage] as const;
    });
    return Object.fromEntries(tensors);
  }
  if (call.kind === "release") {
    await sessions.get(call.session)?.release();
    sessions.delete(call.session);
    return undefined;
  }
  for (const session of sessions.values()) await session.release();
  sessions.clear();
  return undefined;
}

function reply(message: Reply): void {
  if (!parentPort) {
    process.send?.(message);
    return;
  }
  const tensors = "value" in message && typeof message.value === "object" ? Object.values(message.value) : [];
  parentPort.postMessage(
    message,
    tensors.map(({ data }) => data.buffer as ArrayBuffer),
  );
}

async function answer(call: Call): Promise<void> {
  try {
    reply({ id: call.id, value: await handle(call) });
  } catch (error) {
    reply({ id: call.id, error: error instanceof Error ? error.message : String(error) });
  }
  if (call.kind !== "exit") return;
  // Ends by having nothing left to do: to end a thread by force would end the whole process.
  if (parentPort) parentPort.close();
  else process.disconnect();
}

if (parentPort) parentPort.on("message", answer);
else {
  process.on("message", answer);
  whenOwnerGone(() => process.exit());
  // Ctrl-C reaches every process of the terminal; whoever owns this one decides when it ends.
  process.on("SIGINT", () => {});
}
