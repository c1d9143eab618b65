/** The script of a process that does runs of a study. */
import { lockTimes } from "../../base/lock-node.ts";
import { serveWork } from "../../base/workers/serve-node.ts";
import { loadStudy } from "../declare/load-node.ts";
import { planStudy } from "../declare/plan-node.ts";
import { studyFolder } from "../store/records-node.ts";
import { doRun } from "./one-node.ts";

export interface StudyStart {
  /** The declaration's file. */
  readonly file: string;
  readonly quick: boolean;
  readonly folder: string;
  readonly threads: number;
  readonly version: string;
}

export type StudyEvent = { readonly done: number; readonly total: number };
export type StudyDone = "done" | "diverged" | "busy" | "waiting";

serveWork<StudyStart, StudyEvent, StudyDone>(async ({ file, quick, folder, threads, version }, { signal, onEvent }) => {
  const study = await loadStudy(file);
  const runs = new Map((await planStudy(study, { file, quick })).map((run) => [run.id, run]));
  return async (id) => {
    const made = await doRun(runs.get(id)!, {
      ...{ study, file, folder: studyFolder(folder), threads, version, times: lockTimes, signal },
      onProgress: (done, total) => onEvent({ done, total }),
    });
    return typeof made === "string" ? made : made.status;
  };
});
