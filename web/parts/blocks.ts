/** Long texts as they are shown: in stretches that are laid out one by one. */

/** A stretch of a document that is laid out by itself. */
export interface Block {
  readonly start: number;
  readonly end: number;
  /** The page that begins with it. */
  readonly page?: number;
}

/** Characters of a block, about, and of one that has no line end. */
const [usual, most] = [3000, 60_000];

/** A document in blocks that end at line ends and where pages begin: a browser lays out those alone that are seen. */
export function blocksOf({ text, pages = [] }: { readonly text: string; readonly pages?: readonly number[] }): Block[] {
  const blocks: Block[] = [];
  const edges = [...new Set([0, ...pages, text.length])].sort((a, b) => a - b);
  for (let i = 0; i + 1 < edges.length; i++) {
    const [from, to] = [edges[i]!, edges[i + 1]!];
    const page = pages.indexOf(from) + 1;
    for (let start = from; start < to; ) {
      const line = text.indexOf("\n", start + usual);
      const end = Math.min(line < 0 ? to : line + 1, to, start + most);
      blocks.push({ start, end, ...(page > 0 && start === from && { page }) });
      start = end;
    }
  }
  return blocks;
}
