/** Digests of papers, as the page asks its server for them. */
import type { Digest } from "../../src/digest/document.ts";
import type { Edits } from "../../src/digest/edits.ts";
import { Problem, problemOf } from "./client.ts";
import type { Caller } from "./request.ts";
import type { FileBody } from "./wire.ts";

/** A store of papers on the server, or what a file of metadata holds. */
export interface Papers {
  readonly id: string;
  readonly papers: number;
  /** Those with most papers first. */
  readonly categories: readonly { readonly name: string; readonly papers: number }[];
  /** The newest first. */
  readonly months: readonly { readonly month: string; readonly papers: number }[];
}

export type ShownEdits = Pick<Edits, "order" | "drop" | "why" | "insights">;

export interface DigestCard {
  readonly id: string;
  /** Unix seconds. */
  readonly created_at: number;
  readonly made_at: number | null;
  readonly status: "in_progress" | "completed" | "failed" | "cancelled";
  readonly store: string | null;
  readonly file_id: string | null;
  readonly group: string;
  readonly month: string;
  readonly model: string | null;
  readonly progress: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly edits: ShownEdits | null;
}

export interface DigestAsk {
  readonly store?: string;
  readonly file_id?: string;
  readonly group: string;
  readonly month: string;
  readonly top: number;
  readonly delay: number;
  readonly model?: string;
}

const path = "v1/digests";

const cannot = (cause: unknown) =>
  new Problem("This server makes no digests.", { hint: "It is an older one, or was started without it.", cause });

const isMissing = (error: unknown) => [404, 405, 501].includes(problemOf(error).status ?? 0);

/** Forms that a digest can be had in, with the endings of their files. */
export const forms = {
  markdown: { title: "Markdown", ending: "md", type: "text/markdown" },
  html: { title: "HTML page", ending: "html", type: "text/html" },
  mail: { title: "Mail (.eml)", ending: "eml", type: "message/rfc822" },
  text: { title: "Plain text", ending: "txt", type: "text/plain" },
  document: { title: "JSON", ending: "json", type: "application/json" },
} as const;
export type Form = keyof typeof forms;

export const feeds = { rss: "RSS", atom: "Atom", json: "JSON Feed" } as const;

/** Where a feed of a group is read. */
export const feedAddress = (root: string, form: keyof typeof feeds, group: string): string =>
  `${root}${path}/feeds/${form}?group=${encodeURIComponent(group)}`;

export function digestsOf(server: Caller) {
  const bytes = async (address: string): Promise<Uint8Array<ArrayBuffer>> =>
    new Uint8Array(await new Response(await server.streamed(address)).arrayBuffer());
  return {
    async stores(): Promise<readonly Papers[]> {
      try {
        return (await server.get<{ data: Papers[] }>(`${path}/stores`)).data;
      } catch (error) {
        throw isMissing(error) ? cannot(error) : error;
      }
    },
    list: async (): Promise<readonly DigestCard[]> =>
      (await server.get<{ data: DigestCard[] }>(`${path}?limit=50`)).data,
    get: (id: string): Promise<DigestCard> => server.get(`${path}/${id}`),
    /** As it was made, without edits. */
    document: (id: string): Promise<Digest> => server.get(`${path}/${id}/document?edits=false`),
    make: (ask: DigestAsk): Promise<DigestCard> => server.post(path, ask),
    async upload(file: File): Promise<string> {
      const form = new FormData();
      form.set("purpose", "user_data");
      form.set("file", file, file.name);
      return (await server.send<FileBody>("v1/files", form)).id;
    },
    edit: (id: string, { order, drop, why, insights }: ShownEdits): Promise<DigestCard> =>
      server.post(`${path}/${id}/edits`, { order, drop, why, insights }),
    remake: (id: string): Promise<DigestCard> => server.post(`${path}/${id}/remake`, {}),
    cancel: (id: string): Promise<DigestCard> => server.post(`${path}/${id}/cancel`, {}),
    remove: (id: string): Promise<void> => server.remove(`${path}/${id}`),
    /** In a form, as a file. */
    read: (id: string, form: Form): Promise<Uint8Array<ArrayBuffer>> => bytes(`${path}/${id}/${form}`),
  };
}
