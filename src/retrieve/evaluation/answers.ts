/** Whether a passage holds an answer, as DPR counts it: the answer's tokens stand in it one behind the other. */

/** Tokens after Unicode's NFD: letters, digits and marks in a row, or any other sign that is no space; lower case. */
export const answerTokens = (text: string): string[] =>
  Array.from(text.normalize("NFD").matchAll(/[\p{L}\p{N}\p{M}]+|[^\p{Z}\p{C}]/gu), ([token]) => token.toLowerCase());

/** An answer without tokens is in no passage. */
export function holdsAnswer(passage: string, answers: readonly string[]): boolean {
  const tokens = answerTokens(passage);
  return answers.some((answer) => {
    const wanted = answerTokens(answer);
    if (wanted.length === 0) return false;
    for (let i = 0; i + wanted.length <= tokens.length; i++) {
      if (wanted.every((token, j) => tokens[i + j] === token)) return true;
    }
    return false;
  });
}
