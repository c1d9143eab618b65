/** What the server answers: a file of routes a row. A recipe adds its own here. */
import type { ServerContext } from "./context.ts";
import type { Route, Routes } from "./route.ts";
import { adapters } from "./routes/adapters.ts";
import { ask } from "./routes/ask.ts";
import { batches } from "./routes/batches.ts";
import { chat } from "./routes/chat.ts";
import { completions } from "./routes/completions.ts";
import { digests } from "./routes/digests.ts";
import { downloadRoutes } from "./routes/downloads.ts";
import { embeddings } from "./routes/embeddings.ts";
import { files } from "./routes/files.ts";
import { fineTuning } from "./routes/fine-tuning.ts";
import { health } from "./routes/health.ts";
import { keptChats } from "./routes/kept-chats.ts";
import { manage } from "./routes/manage.ts";
import { models } from "./routes/models.ts";
import { rerank } from "./routes/rerank.ts";
import { responses } from "./routes/responses.ts";
import { score } from "./routes/score.ts";
import { summaries } from "./routes/summaries.ts";
import { tokenizer } from "./routes/tokenizer.ts";
import { vectorStores } from "./routes/vector-stores.ts";

const table: readonly Routes[] = [
  ...[health, models, completions, chat, keptChats, responses, embeddings, score, tokenizer, manage, downloadRoutes],
  ...[adapters, files, batches, fineTuning, rerank, vectorStores, ask, summaries, digests],
];

export const tableOfRoutes = (server: ServerContext): readonly Route[] => table.flatMap((routes) => routes(server));
