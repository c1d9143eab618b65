/** Reads results and fits laws beside the page, which stays as quick as it was. */
import { ZerothError } from "../../../src/errors.ts";
import { answerOf, type FromStudies, readRows, type StudyRow, type ToStudies } from "./ask.ts";

let rows: readonly StudyRow[] = [];
const tell = (message: FromStudies) => postMessage(message);

addEventListener("message", async ({ data }: MessageEvent<ToStudies>) => {
  const { id } = data;
  try {
    if (data.kind === "read") {
      rows = await readRows(data.name, data.bytes);
      tell({ id, kind: "rows", rows });
    } else tell({ id, kind: "answer", answer: answerOf(rows, data.question) });
  } catch (error) {
    const known = error instanceof ZerothError ? error : undefined;
    tell({ id, kind: "failed", message: (error as Error).message, hint: known?.hint });
  }
});
