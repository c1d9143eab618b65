/** OpenAI's own clients before a server of ours: both lines that are kept, where this Node can run them. */
import OpenAI from "openai";
import { createServer, type ZerothServer } from "../../src/server/app.ts";
import type { ServerOptions } from "../../src/server/context.ts";
import { type FakeEngine, type FakeOptions, fakeEngine } from "../support/fake-engine.ts";

type Client = typeof OpenAI;

/** Line 7 needs Node 22. */
export const modern = Number(process.versions.node.split(".")[0]) >= 22;

export const lines: readonly { readonly name: string; readonly load: () => Promise<Client>; readonly runs: boolean }[] =
  [
    { name: "openai 6", load: async () => OpenAI, runs: true },
    // The same interface under another name: its types are those of its own line.
    { name: "openai 7", load: async () => (await import("openai7")).default as unknown as Client, runs: modern },
  ];

export interface Talk {
  readonly client: OpenAI;
  readonly engine: FakeEngine;
  readonly server: ZerothServer;
  /** Addresses and bodies of the requests that the client sent. */
  readonly sent: { readonly url: string; readonly body: string }[];
}

/** A client whose requests go straight to a server. */
export function talk(
  Made: Client,
  fake: FakeOptions = {},
  options: Partial<ServerOptions> = {},
  engine = fakeEngine(fake),
): Talk {
  const server = createServer({ engine, ...options });
  const sent: Talk["sent"] = [];
  const client = new Made({
    apiKey: "sk-test",
    baseURL: "http://localhost:8080/v1",
    maxRetries: 2,
    async fetch(url, init) {
      sent.push({ url: String(url), body: String(init?.body ?? "") });
      return (await server.fetch(new Request(url as string, init as RequestInit))) as never;
    },
  });
  return { client, engine, server, sent };
}
