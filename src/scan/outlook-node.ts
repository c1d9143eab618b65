/** What can be told of files before they are here: by their names alone, which promise a kind and prove nothing. */
import { kindNamed } from "./kinds-node.ts";

/** `data`: kinds that hold no code; `may_hold_code`: pickles, archives and what is not known; `code`: programs. */
export type Outlook = "data" | "may_hold_code" | "code";

export interface ForeseenFile {
  readonly file: string;
  readonly kind: string;
  readonly outlook: Outlook;
}

/** Kinds whose files are data to every program that reads them. */
const data: ReadonlySet<string> = new Set([
  ...["safetensors", "json", "sentencepiece", "gguf", "onnx", "numpy", "template", "text", "picture"],
]);

const outlookOf = (kind: string): Outlook => (kind === "code" ? "code" : data.has(kind) ? "data" : "may_hold_code");

/** What the names of files promise, and the worst of it. */
export function foresee(names: readonly string[]): {
  readonly outlook: Outlook;
  readonly files: readonly ForeseenFile[];
} {
  const files = names.map((file) => {
    const kind = kindNamed(file);
    return { file, kind, outlook: outlookOf(kind) };
  });
  const worst = (["code", "may_hold_code"] as const).find((one) => files.some(({ outlook }) => outlook === one));
  return { outlook: worst ?? "data", files };
}
