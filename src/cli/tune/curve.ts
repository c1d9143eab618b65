/** A curve in one line of text. */
const levels = "▁▂▃▄▅▆▇█";

/** Numbers as a line of bars, the last `width` of them averaged into as many cells. */
export function curve(values: readonly number[], width = 48): string {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return "";
  const cells = Math.min(width, finite.length);
  const means = Array.from({ length: cells }, (_, i) => {
    const [from, to] = [Math.floor((i * finite.length) / cells), Math.floor(((i + 1) * finite.length) / cells)];
    const part = finite.slice(from, Math.max(to, from + 1));
    return part.reduce((a, b) => a + b, 0) / part.length;
  });
  const [low, high] = [Math.min(...means), Math.max(...means)];
  const level = (value: number) =>
    high === low ? 0 : Math.round(((value - low) / (high - low)) * (levels.length - 1));
  return means.map((value) => levels[level(value)]).join("");
}
