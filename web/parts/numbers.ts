/** Numbers with their units, as people read them. */

export function bytesText(bytes: number): string {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

export function countText(count: number): string {
  if (count < 1e6) return count.toLocaleString("en");
  if (count < 1e9) return `${(count / 1e6).toFixed(count < 1e7 ? 1 : 0)} million`;
  return `${(count / 1e9).toFixed(1)} billion`;
}

/** A probability; small ones as what they are, not as 0. */
export function shareText(probability: number): string {
  const percent = 100 * probability;
  if (percent > 99.95 && percent < 100) return "> 99.9 %";
  if (percent >= 0.1 || percent === 0) return `${percent.toFixed(1)} %`;
  return percent >= 0.001 ? `${percent.toPrecision(1)} %` : "< 0.001 %";
}

export function secondsText(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 90) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  return `${Math.round(seconds / 60)} min`;
}

export const agoText = (then: number, now = Date.now()): string => {
  const minutes = Math.round((now - then) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 60 * 24) return `${Math.round(minutes / 60)} h ago`;
  return new Date(then).toLocaleDateString();
};

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
