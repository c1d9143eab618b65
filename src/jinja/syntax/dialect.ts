/** How templates of one kind are read where that is not Jinja's default. */

export interface Dialect {
  /** The line break after a tag or a comment is not printed. */
  readonly trimBlocks: boolean;
  /** Blanks before a tag or a comment that is the first of its line are not printed. */
  readonly lstripBlocks: boolean;
  /** Tags besides Jinja's own: `break` and `continue` in loops, `generation` around what a model says. */
  readonly tags: ReadonlySet<"break" | "continue" | "generation">;
}

export const plainJinja: Dialect = { trimBlocks: false, lstripBlocks: false, tags: new Set() };

/** As transformers reads chat templates. */
export const chatJinja: Dialect = {
  trimBlocks: true,
  lstripBlocks: true,
  tags: new Set(["break", "continue", "generation"]),
};
