/** The description is of what is served, all of it, and is whole. */
import { expect, test } from "vitest";
import { createServer } from "../../src/server/app.ts";
import { fakeEngine } from "../support/fake-engine.ts";

const server = createServer({ engine: fakeEngine() });

interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema: object }>> }>
  >;
  readonly requestBody?: object;
  readonly security: readonly object[];
}

test("/openapi.json names every route with its schemas, and its references lead somewhere", async () => {
  const answer = await server.fetch(new Request("http://localhost/openapi.json"));
  const text = await answer.text();
  const document = JSON.parse(text) as {
    readonly openapi: string;
    readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  };
  expect(document.openapi).toBe("3.1.0");
  const described = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  expect(described.sort()).toEqual(
    server.routes.map(({ method, path }) => `${method} ${path.replace("+", "")}`).sort(),
  );
  for (const { method, path, body, reads, open, streams } of server.routes) {
    const operation = document.paths[path.replace("+", "")]![method]!;
    expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(["200", "default"]));
    expect(operation.requestBody !== undefined, path).toBe(body !== undefined || reads !== undefined);
    expect(operation.security).toEqual(open ? [] : [{ key: [] }]);
    if (streams) expect(operation.responses["200"]!.content).toHaveProperty("text/event-stream");
  }
  for (const [, name] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
    const found = name!
      .split("/")
      .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document);
    expect(found, name).toBeDefined();
  }
});
