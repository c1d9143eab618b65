/** The options of commands that search a database. */
import type { OptionSpec } from "../command.ts";

export const backendOptions = [
  { flags: "--backend <url>", help: "search what zeroth index push has sent to Qdrant or PostgreSQL" },
  { flags: "--table <name>", help: "of --backend: Qdrant's collection or PostgreSQL's table (zeroth_chunks)" },
] as const satisfies readonly OptionSpec[];
