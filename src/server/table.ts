/** What the server answers: a file of routes a row. A recipe adds its own here. */
import type { ServerContext } from "./context.ts";
import type { Route, Routes } from "./route.ts";
import { health } from "./routes/health.ts";
import { models } from "./routes/models.ts";

const table: readonly Routes[] = [health, models];

export const tableOfRoutes = (server: ServerContext): readonly Route[] => table.flatMap((routes) => routes(server));
