/** A stand-in for Qdrant: what it does of its interface with the questions that are asked of it here, in memory. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll } from "vitest";

function standIn(): Server {
  const collections = new Map<
    string,
    { vectors: object; points: Map<string, { vector: number[]; payload: Record<string, unknown> }> }
  >();
  const cosine = (a: number[], b: number[]) =>
    a.reduce((sum, x, i) => sum + x * b[i]!, 0) / (Math.hypot(...a) * Math.hypot(...b));
  const answer = (method: string, path: string, body: Record<string, never>): unknown => {
    const [, , name, ...rest] = path.split("/");
    const collection = collections.get(name!);
    const what = `${method} ${rest.join("/")}`;
    if (what === "GET exists") return { exists: collection !== undefined };
    if (what === "PUT ")
      return (
        collections.set(name!, { vectors: (body as unknown as { vectors: object }).vectors, points: new Map() }) && true
      );
    if (!collection) return undefined;
    const fits = (payload: Record<string, unknown>) => {
      const { filter } = body as { filter?: { must: { match: { any: string[] } }[] } };
      return !filter || filter.must.every(({ match }) => match.any.includes(payload.document as string));
    };
    switch (what) {
      case "GET ":
        return { config: { params: { vectors: collection.vectors } } };
      case "PUT index":
        return {};
      case "PUT points":
        for (const { id, ...point } of (
          body as unknown as { points: { id: string; vector: number[]; payload: Record<string, unknown> }[] }
        ).points)
          collection.points.set(id, point);
        return {};
      case "POST points/delete":
        for (const [id, { payload }] of collection.points) if (fits(payload)) collection.points.delete(id);
        return {};
      case "POST points/count":
        return { count: collection.points.size };
      case "POST points/scroll": {
        const [first] = [...collection.points].map(([id, { payload }]) => ({ id, payload }));
        return { points: first ? [first] : [], next_page_offset: null };
      }
      case "POST points/query": {
        const { query, limit } = body as unknown as { query: number[]; limit: number };
        const points = [...collection.points].filter(([, { payload }]) => fits(payload));
        const scored = points.map(([id, { vector, payload }]) => ({
          id,
          version: 1,
          score: cosine(query, vector),
          payload,
        }));
        return { points: scored.sort((a, b) => b.score - a.score).slice(0, limit) };
      }
    }
    return undefined;
  };
  return createServer((request, response) => {
    let text = "";
    request.on("data", (data) => {
      text += data;
    });
    request.on("end", () => {
      const { pathname } = new URL(request.url!, "http://x");
      const result = answer(request.method!, pathname, text === "" ? {} : JSON.parse(text));
      response.writeHead(result === undefined ? 404 : 200, { "content-type": "application/json" });
      response.end(
        JSON.stringify(result === undefined ? { status: { error: "not found" } } : { result, status: "ok", time: 0 }),
      );
    });
  });
}

/** One that runs as long as the tests of a file or of a group. */
export function qdrantStandIn(): { url(): string } {
  const server = standIn();
  beforeAll(() => new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve)));
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
