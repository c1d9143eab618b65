/** What a program shows on a screen, waited for. */

/** Collects what is shown and waits for it: whatever comes after `mark` calls. */
export function watcher() {
  let shown = "";
  let from = 0;
  return {
    add: (text: string) => {
      shown += text.replaceAll("\r", "");
    },
    /** Wait until the pattern appears behind what was waited for before. */
    async until(pattern: RegExp): Promise<string> {
      const started = Date.now();
      for (;;) {
        const found = pattern.exec(shown.slice(from));
        if (found) {
          from += found.index + found[0].length;
          return found[0];
        }
        if (Date.now() - started > 60_000) throw new Error(`${pattern} is not in ${JSON.stringify(shown.slice(from))}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
  };
}
