/** The hub as this machine reaches it: listings, downloads into the cache, and a scan of what came. */
import { type FileProgress, type PullOptions, planPull, pull } from "../../hub/download/pull-node.ts";
import { foresee } from "../../scan/outlook-node.ts";
import { scan } from "../../scan/scan-node.ts";
import type { Hub, Scanned } from "./hub.ts";

/** Lets requests be answered between two files. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The worst verdict over a folder's files, with what is not safe. */
async function scanFolder(path: string, signal: AbortSignal): Promise<Scanned> {
  const findings: Scanned["findings"][number][] = [];
  for (const { file, verdict, findings: why } of scan(path)) {
    signal.throwIfAborted();
    if (verdict !== "safe") findings.push({ file, verdict, why: why.join("; ") });
    await breathe();
  }
  const worst = (["unsafe", "unknown"] as const).find((one) => findings.some(({ verdict }) => verdict === one));
  return { verdict: worst ?? "safe", findings };
}

/** @param options how it is reached; this process's environment by default */
export function openHub(options: Omit<PullOptions, "signal" | "events"> = {}): Hub {
  return {
    async plan(id, signal) {
      const { files, ...plan } = await planPull(id, { ...options, signal });
      const foreseen = foresee(files.map(({ file }) => file));
      return {
        id,
        ...plan,
        outlook: foreseen.outlook,
        files: files.map((one, i) => ({ ...foreseen.files[i]!, ...one })),
      };
    },
    async download(id, tell, signal) {
      let files: readonly FileProgress[] = [];
      const { path } = await pull(id, {
        ...options,
        signal,
        events: {
          files(now) {
            files = now;
          },
          progress: (progress) => tell({ ...progress, files }),
        },
      });
      return scanFolder(path, signal);
    },
  };
}
