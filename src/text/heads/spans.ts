/** Stretches of words from their tags: B-, I-, O, also with E- or L- for the last word and S- or U- for a single one. */

export interface Span {
  readonly label: string;
  /** The first word, and the one behind the last. */
  readonly from: number;
  readonly to: number;
}

const prefixed = /^([BIESLU])-(.+)$/;

/**
 * Tags without a prefix join with equal neighbours where the words outside have the tag O; without an O every word has a
 * class of its own, and nothing is a stretch. I- opens a stretch where none is open, as seqeval's default has it.
 */
export function spansOf(tags: readonly (string | null)[], labels: readonly string[]): Span[] {
  if (!labels.includes("O")) return [];
  const spans: Span[] = [];
  let open: { label: string; from: number } | undefined;
  const close = (to: number) => {
    if (open) spans.push({ ...open, to });
    open = undefined;
  };
  for (const [i, tag] of tags.entries()) {
    const [, prefix, label] = prefixed.exec(tag ?? "") ?? [undefined, "I", tag];
    if (label === null || label === undefined || label === "O") {
      close(i);
      continue;
    }
    if (!open || open.label !== label || "BSU".includes(prefix!)) {
      close(i);
      open = { label, from: i };
    }
    if ("ESLU".includes(prefix!)) close(i + 1);
  }
  close(tags.length);
  return spans;
}
