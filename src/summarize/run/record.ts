/** What is kept of a run, wherever it is kept: what it was asked for, a line for every change, every answer by its key. */
import { canonicalJson } from "../../base/canonical.ts";
import { isJsonObject, type JsonObject } from "../../base/json.ts";
import { sha256 } from "../../base/sha256.ts";
import { fail } from "../../errors.ts";
import type { Book } from "../book/book.ts";
import type { Span } from "../book/spans.ts";
import { type Tree, type TreeNode, treeFrom } from "../book/tree.ts";
import type { Made } from "../writers/ask.ts";
import type { Pass } from "./schedule.ts";
import type { Settings } from "./settings.ts";

/** How the model is opened again. */
export interface WriterSource {
  /** A model's name or folder, or "extractive" or "lead"; of an endpoint the name it knows. */
  readonly model: string;
  readonly endpoint?: string | undefined;
  readonly window?: number | undefined;
  readonly style?: string | undefined;
  readonly temperature?: number | undefined;
  readonly tokenizer?: string | undefined;
  readonly adapter?: string | undefined;
  readonly dtype?: string | undefined;
}

/** What a run is of and was asked for, with its tree. */
export interface RunFile {
  readonly version: 1;
  readonly source: { readonly name: string; readonly path: string; readonly sha256: string };
  readonly title?: string | undefined;
  readonly settings: Settings;
  readonly writer: WriterSource;
  /** Of the model: another one gives other summaries. */
  readonly identity: JsonObject;
  /** What the tree spans, in tokens and places. */
  readonly tokens: number;
  readonly body: Span;
  readonly trimmed: Book["trimmed"];
  readonly nodes: readonly TreeNode[];
}

export type JournalLine =
  | { readonly tree: string }
  | {
      readonly node: string;
      readonly pass?: Pass;
      readonly state: "done";
      readonly key?: string | undefined;
      readonly input: string;
      readonly context: string;
      readonly contexts: number;
      readonly take: number;
      readonly ms: number;
    }
  | { readonly node: string; readonly state: "edited"; readonly text: string }
  | { readonly node: string; readonly state: "reverted" };

/** A node's line of its own. */
export type NodeLine = Exclude<JournalLine, { readonly tree: string }>;

/** The text that a person gives a node, as it is kept. */
export const editedLine = (node: string, text: string): NodeLine => ({
  ...{ node, state: "edited" },
  text: text.replace(/\r\n?/g, "\n").trim().normalize("NFC"),
});

export const treeHash = (nodes: readonly TreeNode[]): string => sha256(canonicalJson(nodes));

/** Lines of a journal that are of this tree, and whether those that are added now are. */
export function linesOfTree(
  values: Iterable<unknown>,
  nodes: readonly TreeNode[],
): { readonly lines: readonly NodeLine[]; readonly current: boolean } {
  const wanted = treeHash(nodes);
  const lines: NodeLine[] = [];
  let current = false;
  for (const value of values) {
    if (!isJsonObject(value)) continue;
    if (typeof value.tree === "string") current = value.tree === wanted;
    else if (current && typeof value.node === "string") lines.push(value as unknown as NodeLine);
  }
  return { lines, current };
}

/** Where a document's headings, pages and stretches are, apart from its text. */
export type BookPlaces = Pick<Book, "headings" | "pages" | "stretches" | "lines">;

export const placesOf = ({ headings, pages, stretches, lines }: Book): BookPlaces => ({
  ...{ headings, pages, stretches, lines },
});

/** What a run began with. */
export interface Begun {
  readonly run: RunFile;
  readonly book: Book;
  readonly tree: Tree;
}

/** @throws corrupt_file for what is no run */
export function begunOf(run: RunFile, places: BookPlaces, text: string, where: string): Begun {
  if (run.version !== 1 || !Array.isArray(run.nodes) || run.nodes.length === 0)
    fail("corrupt_file", "is no run that this version knows", { where });
  const book: Book = { ...places, text, body: run.body, trimmed: run.trimmed, title: run.title };
  return { run, book, tree: treeFrom(run.nodes) };
}

/** An answer as it is stored, with its sum. */
export const sealed = (made: Made): string => canonicalJson({ hash: sha256(canonicalJson(made)), value: made });

/** The answer; undefined where it is not what its sum says. */
export function unsealed(stored: unknown): Made | undefined {
  if (!isJsonObject(stored)) return undefined;
  const { hash, value } = stored;
  return isJsonObject(value) && typeof value.text === "string" && hash === sha256(canonicalJson(value))
    ? (value as unknown as Made)
    : undefined;
}

/** Reading what is kept. */
export interface RunReader {
  /** How messages name it. */
  readonly where: string;
  /** @throws not_found where there is no run; corrupt_file for one that is damaged */
  read(): Begun & { readonly lines: readonly NodeLine[]; readonly warnings: readonly string[] };
  /** An answer by its key; undefined where it is not there, or is damaged, which is told. */
  object(key: string, damaged: (what: string) => void): Made | undefined;
}

/** Keeping: what is written is there whole or not at all. */
export interface RunStore extends RunReader {
  has(): boolean;
  keep(key: string, made: Made): Promise<void>;
  note(line: JournalLine): Promise<void>;
  /** Before lines are added: they are said to be of this run's tree. */
  begin(run: Pick<RunFile, "nodes">): Promise<void>;
  /** What the run is of, anew. */
  write(run: RunFile, book: Book): Promise<void>;
}
