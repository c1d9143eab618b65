/** What the page is told of the documents, and of what is wrong with them. */
import { ZerothError } from "../../../src/errors.ts";
import { usualChunk } from "../../../src/retrieve/chunks.ts";
import type { Library, VectorModel, Work } from "../../client/search.ts";
import type { GivenModel } from "../given.ts";
import type { OpenedEmbedder } from "./encoder.ts";
import type { KeptDocument } from "./keep.ts";

export interface Waiting {
  readonly id: string;
  readonly name: string;
  readonly file: File;
}

export interface Given {
  readonly model: GivenModel;
  readonly opened?: OpenedEmbedder;
  readonly problem?: string;
}

export interface Failed {
  readonly id: string;
  readonly name: string;
  readonly problem: string;
}

/** Work with what its time left is reckoned by: when this run of it began, and how far it was then. */
export interface Begun extends Work {
  readonly begun: number;
  readonly from: number;
}

const capital = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

/** What is wrong, in sentences. @param name of the file, which stands beside them */
export function sentence(error: unknown, name = ""): string {
  if (!(error instanceof ZerothError)) return error instanceof Error ? error.message : String(error);
  const { message, hint } = error;
  const own = name !== "" && message.startsWith(`${name}: `);
  const what = own ? capital(message.slice(name.length + 2)) : message;
  return `${hint ? `${what}. ${capital(hint)}` : what}.`;
}

interface Parts extends Pick<Library, "passages" | "embedded" | "stopped"> {
  readonly documents: ReadonlyMap<string, KeptDocument>;
  readonly waiting: readonly Waiting[];
  readonly failed: readonly Failed[];
  readonly reading: Waiting | undefined;
  readonly given: Given | undefined;
  readonly work: Begun | undefined;
}

function modelCard({ given, work }: Parts): VectorModel | undefined {
  if (!given) return undefined;
  const { model, opened, problem } = given;
  if (problem !== undefined) return { name: model.name, state: "failed", problem };
  if (!opened) return { name: model.name, state: work?.phase === "opening" ? "opening" : "waiting" };
  const { settings, longest } = opened.embedder;
  return {
    ...{ name: model.name, state: "ready", width: settings.width },
    ...(Number.isFinite(longest) && { longest: Math.min(usualChunk, longest) }),
  };
}

export function shown(parts: Parts): Library {
  const { documents, waiting, failed, reading, work, passages, embedded, stopped } = parts;
  const model = modelCard(parts);
  const { begun: _, from: __, ...told } = work ?? { begun: 0, from: 0, phase: "reading" as const, done: 0 };
  return {
    documents: [
      ...[...documents.values()].map(({ id, name, document, chunks }) => ({
        ...{ id, name, state: "ready" as const, passages: chunks.length },
        ...(document.title && { title: document.title }),
        ...(document.pages && { pages: document.pages.length }),
        ...(document.notes && { notes: document.notes }),
      })),
      ...(reading ? [{ id: reading.id, name: reading.name, state: "reading" as const }] : []),
      ...waiting.map(({ id, name }) => ({ id, name, state: "waiting" as const })),
      ...failed.map((one) => ({ ...one, state: "failed" as const })),
    ],
    ...{ passages, embedded, stopped },
    ...(model && { model }),
    ...(work && { work: told }),
  };
}
