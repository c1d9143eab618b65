/** The OpenAPI document, from the schemas that check the requests. */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Variables } from "./context.ts";

/** What every error is answered as. */
export const errorSchema = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
});

/** The document of everything that is mounted. */
export function documentOf(app: OpenAPIHono<Variables>): object {
  const document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Zeroth",
      version: "1",
      description: "OpenAI's interface for models on this machine, and what it lacks for scoring and tokenizers.",
    },
  });
  const components = document.components ?? {};
  return {
    ...document,
    components: {
      ...components,
      schemas: { ...components.schemas, Error: z.toJSONSchema(errorSchema) },
      securitySchemes: { key: { type: "http", scheme: "bearer" } },
    },
  };
}
