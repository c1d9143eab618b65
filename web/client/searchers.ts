/** The two ways to search documents, each made when it is first asked for. */
import { browserSearcher } from "./browser-searcher.ts";
import type { Client, Job } from "./client.ts";
import { caller } from "./request.ts";
import type { Searcher } from "./search.ts";
import { serverSearcher } from "./server-searcher.ts";

interface Parts {
  /** Address of the page's own folder. */
  readonly root: string;
  /** What the person gave as the server's key. */
  key(): string;
  noteJobs(jobs: readonly Job[]): void;
}

export function searchers({ root, key, noteJobs }: Parts): (place: Client["where"]) => Searcher {
  const made = new Map<Client["where"], Searcher>();
  return (place) => {
    const known =
      made.get(place) ?? (place === "server" ? serverSearcher(caller(root, key)) : browserSearcher(root, noteJobs));
    made.set(place, known);
    return known;
  };
}
