/**
 * Open sessions, shared: a graph compiled twice over the same weights with the same options is opened once. A session
 * lives as long as a program uses it.
 */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { InferenceSession } from "onnxruntime-node";
import type { Prepared } from "./compile-node.ts";
import type { OpenSession } from "./session.ts";

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
  const open = () => InferenceSession.create(prepared.model, prepared.options);
  const key = keyOf(prepared);
  if (key === undefined) return open();
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
    return {
      run: session.run.bind(session),
      async release() {
        if (leave()) await session.release();
      },
    };
  } catch (error) {
    leave();
    throw error;
  }
}

/** How many sessions are open and shared. */
export const openSessions = (): number => shared.size;
