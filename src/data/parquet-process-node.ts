/** The process in which Parquet files are read. */
import { answerQuestions } from "../base/reader-process-node.ts";
import type { ParquetGroup, ParquetOverview, ParquetQuestion } from "./parquet-messages.ts";
import { look, readGroup } from "./parquet-read-node.ts";

answerQuestions<ParquetQuestion, ParquetOverview | ParquetGroup>(({ path, group }) =>
  group === undefined ? look(path) : readGroup(path, group),
);
