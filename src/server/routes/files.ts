/** `/v1/files`: what batches read and write. */
import { z } from "@hono/zod-openapi";
import {
  createFile,
  deleteFile,
  type FileAbout,
  getFile,
  listFiles,
  readFile,
  type StoredFile,
} from "../../state/files-node.ts";
import { check } from "../check.ts";
import type { Asked } from "../context.ts";
import { invalid } from "../errors.ts";
import { receiveFile } from "../form-node.ts";
import { listed, listOf } from "../pages.ts";
import { type Routes, route } from "../route.ts";
import { ofState } from "../stored/errors.ts";

const purposes = ["assistants", "batch", "fine-tune", "vision", "user_data", "evals"] as const;

export const fileSchema = z.object({
  id: z.string(),
  object: z.literal("file"),
  bytes: z.int(),
  created_at: z.int(),
  expires_at: z.int().optional(),
  filename: z.string(),
  purpose: z.string(),
  status: z.literal("processed"),
});

const shown = ({ id, bytes, created, expires, filename, purpose }: StoredFile): z.infer<typeof fileSchema> => ({
  ...{ id, object: "file", bytes, created_at: Math.floor(created) },
  ...(expires !== null && { expires_at: Math.floor(expires) }),
  ...{ filename, purpose, status: "processed" },
});

/** Text fields of the form; those of OpenAI's clients have brackets in their names. */
const formSchema = z.object({
  purpose: z.enum(purposes),
  "expires_after[anchor]": z.literal("created_at").optional(),
  "expires_after[seconds]": z.coerce.number().int().min(3_600).max(2_592_000).optional(),
});

const listQuery = z.object({
  limit: z.coerce.number().int().min(1).max(10_000).optional(),
  order: z.enum(["asc", "desc"]).optional(),
  after: z.string().max(200).optional(),
  purpose: z.string().max(100).optional(),
});

/** A name for people: no folders, nothing that moves a terminal's cursor, no half of a character. */
const plainName = (name: string): string =>
  Array.from(name.replace(/^.*[\\/]/s, "").replace(/\p{C}/gu, ""))
    .slice(0, 255)
    .join("") || "file";

/** What the form says of its file. */
function describedBy(texts: Readonly<Record<string, string>>): FileAbout {
  const fields = check(formSchema, texts);
  const [anchor, seconds] = [fields["expires_after[anchor]"], fields["expires_after[seconds]"]];
  if ((anchor === undefined) !== (seconds === undefined)) {
    invalid("expires_after", "'expires_after' has both 'anchor' and 'seconds'", "missing_required_parameter");
  }
  return { purpose: fields.purpose, expiresAfter: seconds };
}

/** An answer of a file's bytes, as they are read. */
function download({ filename, bytes }: StoredFile, content: AsyncGenerator<Uint8Array>, asked: Asked): Response {
  asked.streams = true;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { value, done } = await content.next();
        if (value !== undefined) controller.enqueue(value);
        if (done) {
          controller.close();
          asked.end(200);
        }
      } catch (error) {
        // The client sees a connection that broke off, as fewer bytes came than were announced.
        asked.error = String(error);
        controller.error(error);
        asked.end(500);
      }
    },
    async cancel() {
      await content.return(undefined);
      asked.end(499);
    },
  });
  return new Response(body, {
    headers: {
      "content-type": "application/octet-stream",
      "content-length": String(bytes),
      // Never shown as a page of this server.
      "content-disposition": `attachment; filename*=UTF-8''${encodeURIComponent(filename)}`,
    },
  });
}

export const files: Routes = ({ state, limits }) =>
  state === undefined
    ? []
    : [
        route({
          method: "post",
          path: "/v1/files",
          summary: "Store a file",
          reads: "multipart/form-data",
          answer: fileSchema,
          async handle({ c, asked }) {
            const { filename, content, fields } = await receiveFile(c, limits.file);
            // What is wrong already is said before the bytes come.
            const { purpose = "" } = check(formSchema.partial(), fields());
            const file = { filename: plainName(filename), purpose, most: limits.file };
            const about = () => describedBy(fields());
            return shown(await ofState(createFile(state, asked.owner.owner, file, content, about), "file"));
          },
        }),
        route({
          method: "get",
          path: "/v1/files",
          summary: "Files of this key",
          query: listQuery,
          answer: listOf(fileSchema),
          async handle({ query: { limit = 10_000, ...rest }, asked }) {
            const { data, more } = await ofState(listFiles(state, asked.owner.owner, { limit, ...rest }), "after");
            return listed(data.map(shown), more);
          },
        }),
        route({
          method: "get",
          path: "/v1/files/{id}",
          summary: "One file",
          answer: fileSchema,
          handle: async ({ params: { id = "" }, asked }) =>
            shown(await ofState(getFile(state, asked.owner.owner, id), "id")),
        }),
        route({
          method: "get",
          path: "/v1/files/{id}/content",
          summary: "A file's bytes",
          content: "application/octet-stream",
          async handle({ params: { id = "" }, asked }) {
            const { file, content } = await ofState(readFile(state, asked.owner.owner, id), "id");
            return download(file, content, asked);
          },
        }),
        route({
          method: "delete",
          path: "/v1/files/{id}",
          summary: "Delete a file",
          answer: z.object({ id: z.string(), object: z.literal("file"), deleted: z.literal(true) }),
          async handle({ params: { id = "" }, asked }) {
            await ofState(deleteFile(state, asked.owner.owner, id), "id");
            return { id, object: "file", deleted: true };
          },
        }),
      ];
