/** Events as lines for people: at most one in ten seconds of a partition's progress, and its quarters. */
import type { JobEvent } from "./events.ts";

const left = (seconds: number): string => {
  if (seconds < 90) return `${Math.round(seconds)} s left`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min left` : `${(seconds / 3600).toFixed(1)} h left`;
};

/** `eval anli/r1 · 6/15 templates · 41.2/s · 2 min left` */
export function progressText(
  job: string,
  partition: string,
  { done, total, unit, rate, eta }: Extract<JobEvent, { event: "progress" }>,
): string {
  return [
    `${job} ${partition}`,
    `${done.toLocaleString("en")}/${total.toLocaleString("en")} ${unit}`,
    ...(rate === undefined ? [] : [`${rate >= 100 ? Math.round(rate).toLocaleString("en") : rate.toFixed(1)}/s`]),
    ...(eta === undefined || done >= total ? [] : [left(eta)]),
  ].join(" · ");
}

/** Which progress is worth a line. */
export function sparse(
  now: () => number = () => performance.now(),
): (event: Extract<JobEvent, { event: "progress" }>) => boolean {
  let told = Number.NEGATIVE_INFINITY;
  let quarter = -1;
  return ({ done, total }) => {
    const reached = total > 0 ? Math.floor((4 * done) / total) : 0;
    if (reached <= quarter && now() - told < 10_000) return false;
    quarter = Math.max(quarter, reached);
    told = now();
    return true;
  };
}
