/**
 * Open sessions, shared: a graph compiled twice over the same weights with the same options is opened once. A session
 * lives as long as a program uses it.
 */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import type { InferenceSession, Tensor } from "onnxruntime-common";
import { engine } from "./engine-node.ts";
import type { Prepared } from "./prepared.ts";
import type { OpenSession } from "./session.ts";

/** Name of the output that {@link filling} asks for. */
export const nothing = "nothing";

type Tensors = Readonly<Record<string, Tensor>>;

/**
 * Run without results. The engine's binding copies every output into a new array, those included that the caller gave
 * an array for and that are written by then: 290 MB a training step of 24M parameters, more than a third of its time.
 * It begins with the first output, and refuses one that is no tensor after the run is done: so the one asked for first
 * is an empty sequence, and its refusal means that everything has been computed and nothing copied. A later engine
 * that does not refuse is right too, only slower.
 */
async function filling(session: InferenceSession, feeds: Tensors, targets: Tensors): Promise<void> {
  try {
    await session.run(feeds, { [nothing]: null, ...targets });
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith("Non tensor type"))) throw error;
  }
}

/** Larger models carry weights in their bytes; finding out whether two are equal would cost what it saves. */
const largestKey = 4 << 20;

const shared = new Map<string, { readonly opening: Promise<InferenceSession>; users: number }>();

/** What decides whether two compilations give the same session; undefined where that is not worth asking. */
function keyOf({ model, folder, files, options }: Prepared): string | undefined {
  if (model.length > largestKey) return undefined;
  // A weight file that was replaced is another file.
  const weights = files.map((name) => {
    const { dev, ino, size, mtimeMs } = statSync(join(folder ?? "", name));
    return [name, dev, ino, size, mtimeMs];
  });
  return createHash("sha256")
    .update(model)
    .update(JSON.stringify([folder, weights, options]))
    .digest("hex");
}

/** Open what was prepared, or join who has opened it. Releasing frees it when the last user has. */
export async function openSession(prepared: Prepared): Promise<OpenSession> {
  const open = () => engine().InferenceSession.create(prepared.model, prepared.options);
  const key = keyOf(prepared);
  const opened = (session: InferenceSession, release: () => Promise<void>): OpenSession => ({
    run: session.run.bind(session),
    ...(session.outputNames.includes(nothing) && {
      fill: (feeds: Tensors, targets: Tensors) => filling(session, feeds, targets),
    }),
    release,
  });
  if (key === undefined) {
    const session = await open();
    return opened(session, () => session.release());
  }
  const entry = shared.get(key) ?? { opening: open(), users: 0 };
  shared.set(key, entry);
  entry.users++;
  const leave = () => {
    entry.users--;
    if (entry.users === 0 && shared.get(key) === entry) shared.delete(key);
    return entry.users === 0;
  };
  try {
    const session = await entry.opening;
    return opened(session, async () => {
      if (leave()) await session.release();
    });
  } catch (error) {
    leave();
    throw error;
  }
}

/** How many sessions are open and shared. */
export const openSessions = (): number => shared.size;
