/** Defining a route: its schemas are what checks it, and what /openapi.json is made of. */
import type { OpenAPIHono, RouteConfig, z } from "@hono/zod-openapi";
import { jsonBody } from "./body.ts";
import { check, type Refusals, refuseFields } from "./check.ts";
import type { Asked, Ctx, ServerContext, Variables } from "./context.ts";
import { refuse } from "./errors.ts";

/** A call of a route: what was sent has the types of its schemas. */
export interface Call<Body, Query> {
  readonly c: Ctx;
  readonly asked: Asked;
  readonly body: Body;
  readonly query: Query;
  /** Parts of the path by their names, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

interface Definition<Body, Query> {
  readonly method: "get" | "post" | "delete";
  /** As in OpenAPI: "/v1/models/{id}"; "{id+}" may hold slashes. */
  readonly path: string;
  readonly summary: string;
  /** Schema of the JSON that is sent. */
  readonly body?: z.ZodType<Body>;
  readonly query?: z.ZodType<Query>;
  /** Fields that are known and not served. */
  readonly refusals?: Refusals;
  /** Schema of the JSON that is answered; without, `content` says what is. */
  readonly answer?: z.ZodType;
  /** Media type of an answer that is not JSON. */
  readonly content?: string;
  /** Media types of bodies that the route reads by itself from `c.req.raw`. */
  readonly reads?: string;
  /** Whether `stream: true` gives events. */
  readonly streams?: boolean;
  /** Answered without a key. */
  readonly open?: boolean;
  /** For keys that manage the server alone. */
  readonly admin?: boolean;
  /** Kept under `Idempotency-Key`. */
  readonly keeps?: boolean;
  /** Asks a model: kept as well, and counted among the requests that do. */
  readonly asksModel?: boolean;
  /** Does it: a value is answered as JSON. Errors are thrown. */
  readonly handle: (call: Call<Body, Query>) => Promise<object>;
}

/** A route whose types nobody outside of it needs to know. */
export interface Route extends Omit<Definition<never, never>, "handle" | "body" | "query"> {
  readonly body?: z.ZodType;
  readonly query?: z.ZodType;
  run(c: Ctx, server: ServerContext): Promise<Response>;
}

/** The routes of a file, for a server. */
export type Routes = (server: ServerContext) => readonly Route[];

const jsonResponse = (value: object): Response =>
  new Response(JSON.stringify(value), { headers: { "content-type": "application/json" } });

/** Define a route. */
export function route<Body = undefined, Query = undefined>(definition: Definition<Body, Query>): Route {
  const { body: bodySchema, query: querySchema, refusals = {}, handle } = definition;
  return {
    ...definition,
    async run(c, { limits, kept }) {
      const asked = c.get("asked");
      if (definition.admin && !asked.owner.admin) {
        refuse(403, "this key may not manage the server", { code: "insufficient_permissions" });
      }
      const sent = bodySchema ? await jsonBody(c, limits.body) : undefined;
      refuseFields(refusals, sent);
      const body = bodySchema ? check(bodySchema, sent) : undefined;
      const query = querySchema ? check(querySchema, c.req.query()) : undefined;
      const { signal } = asked;
      const params = c.req.param() as Readonly<Record<string, string>>;
      const work = async (): Promise<Response> => {
        if (definition.asksModel && !asked.admit()) {
          refuse(429, `${limits.requests} requests are being answered or wait already`, {
            code: "rate_limit_exceeded",
            headers: { "retry-after": "1" },
          });
        }
        const answer = await handle({ c, asked, body: body as Body, query: query as Query, params, signal });
        return answer instanceof Response ? answer : jsonResponse(answer);
      };
      const key = c.req.header("idempotency-key");
      if (key === undefined || !(definition.keeps || definition.asksModel)) return work();
      const print = `${definition.path} ${JSON.stringify(sent)}`;
      return kept.run({ owner: asked.owner.owner, key, print }, signal, work);
    },
  };
}

/** "/v1/models/:id{.+}" of "/v1/models/{id+}". */
export const routingPath = (path: string): string =>
  path.replace(/\{(\w+)\+\}/g, ":$1{.+}").replace(/\{(\w+)\}/g, ":$1");

const json = (schema: z.ZodType) => ({ "application/json": { schema } });

/** What /openapi.json says of a route. */
function described({ method, path, summary, body, reads, query, answer, streams, content, open }: Route): RouteConfig {
  const names = [...path.matchAll(/\{(\w+)\+?\}/g)].map(([, name]) => name!);
  const written = {
    ...(answer && json(answer)),
    ...(content !== undefined && { [content]: { schema: { type: "string" as const } } }),
    ...(streams && { "text/event-stream": { schema: { type: "string" as const } } }),
  };
  return {
    method,
    path: path.replace(/\+\}/g, "}"),
    summary,
    parameters: names.map((name) => ({
      name,
      in: "path" as const,
      required: true,
      schema: { type: "string" as const },
    })),
    request: {
      ...(body && { body: { required: true, content: json(body) } }),
      ...(reads !== undefined && { body: { required: true, content: { [reads]: { schema: { type: "object" } } } } }),
      ...(query && { query: query as z.ZodObject }),
    },
    responses: {
      200: { description: "Answered", content: written },
      default: {
        description: "Refused or failed",
        content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
      },
    },
    security: open ? [] : [{ key: [] }],
  };
}

/** Put a route into the application and its description. */
export function mount(app: OpenAPIHono<Variables>, server: ServerContext, one: Route): void {
  app.openAPIRegistry.registerPath(described(one));
  app.on(one.method.toUpperCase(), routingPath(one.path), (c) => {
    c.get("asked").route = one.path;
    return one.run(c, server);
  });
}
