/** OpenAI's own clients before a server of ours: both lines that are kept, where this Node can run them. */
import OpenAI from "openai";
import { createServer, type ZerothServer } from "../../src/server/app.ts";
import type { ServerOptions } from "../../src/server/context.ts";
import { errorSchema } from "../../src/server/openapi.ts";
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

/** The answer, once it is what the server's description says of its route. */
export async function asDescribed(
  server: ZerothServer,
  method: string,
  url: string,
  response: Response,
): Promise<Response> {
  if (!/json/.test(response.headers.get("content-type") ?? "")) return response;
  const path = decodeURIComponent(new URL(url).pathname);
  const matches = (described: string) =>
    new RegExp(`^${described.replace(/\{\w+\+\}/g, ".+").replace(/\{\w+\}/g, "[^/]+")}$`).test(path);
  const route = server.routes.find((one) => one.method === method.toLowerCase() && matches(one.path));
  const text = await response.text();
  const schema = response.ok ? route?.answer : errorSchema;
  schema?.parse(JSON.parse(text));
  return new Response(text, response);
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
      const response = await server.fetch(new Request(url as string, init as RequestInit));
      return (await asDescribed(server, String(init?.method ?? "get"), String(url), response)) as never;
    },
  });
  return { client, engine, server, sent };
}
