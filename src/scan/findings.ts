/** What can be said of a file, and of several things in one file. */
import { ZerothError } from "../errors.ts";

export type Verdict = "safe" | "unsafe" | "unknown";

export interface Finding {
  readonly verdict: Verdict;
  /** What was found, with its place in the file where it has one. */
  readonly findings: readonly string[];
  /** What to do about it. */
  readonly hint?: string;
}

/** The bytes of a file, or of a member of an archive. */
export interface Content {
  /** What messages call it. */
  readonly name: string;
  /** The last part of its own name, by which its kind is told. */
  readonly title: string;
  readonly size: number;
  /** Bytes from a place on; shorter at the end. */
  read(offset: number, length: number): Uint8Array;
}

export const safe: Finding = { verdict: "safe", findings: [] };
export const unsafe = (hint: string, ...findings: string[]): Finding => ({ verdict: "unsafe", findings, hint });
export const unknown = (hint: string, ...findings: string[]): Finding => ({ verdict: "unknown", findings, hint });

export const hints = {
  code: "read it before you set trust_remote_code or start it; Zeroth needs none of it",
  pickle: "load it with no program that unpickles; ask for safetensors instead",
  refused: "do not load it with other programs either, unless you trust whoever made it",
  large: "nothing was looked at",
  archive: "unpack it into an empty folder and scan that",
  other: "other programs may run what it says: look up what reads this kind of file",
  loose: "nothing reads these bytes here; other programs may",
} as const;

/** Bytes of one file that are held in memory. */
export const largest = 64 << 20;

const ranks: Readonly<Record<Verdict, number>> = { safe: 0, unknown: 1, unsafe: 2 };
/** Findings that are shown of one file. */
const mostFindings = 20;

/** The findings of the worst verdict; where several have it, all of theirs. */
export function worst(found: readonly Finding[]): Finding {
  const rank = Math.max(0, ...found.map(({ verdict }) => ranks[verdict]));
  const those = found.filter(({ verdict }) => ranks[verdict] === rank);
  const [first = safe] = those;
  return rank === 0 ? safe : { ...first, findings: those.flatMap(({ findings }) => findings).slice(0, mostFindings) };
}

/** Read a file with its reader: a typed refusal is what there is to say about it. */
export function reading(read: () => unknown): Finding {
  try {
    read();
    return safe;
  } catch (error) {
    if (!(error instanceof ZerothError)) throw error;
    const hint = error.hint ?? hints.refused;
    return error.code === "unsupported" ? unknown(hint, error.message) : unsafe(hint, error.message);
  }
}

/** Look at a content that is held whole, up to a size. */
export const whole =
  (most: number, look: (bytes: Uint8Array, content: Content) => Finding) =>
  (content: Content): Finding =>
    content.size > most
      ? unknown(hints.large, `${content.size} bytes, at most ${most} are looked at`)
      : look(content.read(0, content.size), content);

/** Bytes held in memory as a content. */
export const contentOf = (name: string, title: string, bytes: Uint8Array): Content => ({
  name,
  title,
  size: bytes.length,
  read: (offset, length) => bytes.subarray(offset, offset + length),
});
