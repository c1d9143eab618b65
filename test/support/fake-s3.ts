/** What a store needs of S3, in memory: objects that only one of several writers creates. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

export interface FakeS3 extends AsyncDisposable {
  readonly url: string;
  readonly objects: Map<string, Buffer>;
  /** Answers that come before what is asked: a status each. */
  readonly refusals: number[];
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

const error = (code: string) => `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`;

/** Listings have pages of so many objects. */
const page = 3;

export async function fakeS3(): Promise<FakeS3> {
  const objects = new Map<string, Buffer>();
  const refusals: number[] = [];
  const server = createServer(async (request, response) => {
    const url = new URL(request.url!, "http://here");
    const key = decodeURIComponent(url.pathname).slice(1);
    const say = (status: number, content: string | Buffer = "", headers: Record<string, string | number> = {}) => {
      response.writeHead(status, { "content-type": "application/xml", ...headers });
      response.end(request.method === "HEAD" ? undefined : content);
    };
    const body = await bodyOf(request);
    const refused = refusals.shift();
    if (refused !== undefined) return say(refused, error(refused === 409 ? "ConditionalRequestConflict" : "Refused"));
    if (!request.headers.authorization?.startsWith("AWS4-HMAC-SHA256")) return say(403, error("AccessDenied"));
    if (request.method === "PUT") {
      const source = request.headers["x-amz-copy-source"];
      if (typeof source === "string") {
        const found = objects.get(decodeURIComponent(source).replace(/^\//, ""));
        if (!found) return say(404, error("NoSuchKey"));
        objects.set(key, found);
        return say(200, "<CopyObjectResult><ETag>x</ETag></CopyObjectResult>");
      }
      if (request.headers["if-none-match"] === "*" && objects.has(key)) return say(412, error("PreconditionFailed"));
      objects.set(key, body);
      return say(200);
    }
    if (request.method === "DELETE") {
      objects.delete(key);
      return say(204);
    }
    if (url.searchParams.get("list-type") === "2") {
      const prefix = `${key.replace(/\/$/, "")}/${url.searchParams.get("prefix") ?? ""}`;
      const after = url.searchParams.get("continuation-token") ?? "";
      const all = [...objects.keys()].filter((name) => name.startsWith(prefix) && name > after).sort();
      const bucket = key.replace(/\/$/, "");
      const rows = all.slice(0, page).map((name) => {
        const plain = name.slice(bucket.length + 1).replaceAll("&", "&amp;");
        return `<Contents><Key>${plain}</Key><Size>${objects.get(name)!.length}</Size><LastModified>2020-01-01T00:00:00.000Z</LastModified></Contents>`;
      });
      const more = all.length > page;
      const next = more
        ? `<NextContinuationToken>${all[page - 1]!.replaceAll("&", "&amp;")}</NextContinuationToken>`
        : "";
      return say(
        200,
        `<?xml version="1.0"?><ListBucketResult><IsTruncated>${more}</IsTruncated>${rows.join("")}${next}</ListBucketResult>`,
      );
    }
    const found = objects.get(key);
    if (!found) return say(404, error("NoSuchKey"));
    return say(200, found, { "content-length": found.length, "content-type": "application/octet-stream" });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    refusals,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
