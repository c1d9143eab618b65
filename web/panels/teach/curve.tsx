/** Loss and accuracy as they come, with the share that always saying the most frequent class would have. */
import { shareText } from "../../parts/numbers.ts";
import type { LessonState, Point } from "./state.ts";

const [width, height, edge] = [320, 132, 4];

const path = (points: readonly Point[], x: (step: number) => number, y: (value: number) => number) =>
  points.map(({ step, value }, i) => `${i === 0 ? "M" : "L"}${x(step).toFixed(1)} ${y(value).toFixed(1)}`).join("");

/** Points of a long lesson that a line of this width shows. */
function thinned(points: readonly Point[]): readonly Point[] {
  const every = Math.ceil(points.length / width);
  return every < 2 ? points : points.filter((_, i) => i % every === 0 || i === points.length - 1);
}

export function Curve({ lesson }: { readonly lesson: LessonState }) {
  const { losses, judged, steps = 1, majority } = lesson;
  const last = losses.at(-1);
  const exact = judged.filter(({ metric }) => metric !== "log_likelihood");
  const highest = Math.max(1e-6, ...losses.map(({ value }) => value));
  const x = (step: number) => edge + ((width - 2 * edge) * step) / Math.max(1, steps);
  const down = (value: number) => height - edge - ((height - 2 * edge) * value) / highest;
  const share = (value: number) => height - edge - (height - 2 * edge) * value;
  const accuracy = exact.at(-1);
  return (
    <figure class="curve">
      <svg
        viewBox={`0 0 ${width} ${height}`}
        role="img"
        aria-label="Loss and accuracy by step"
        preserveAspectRatio="none"
      >
        {[0, 0.5, 1].map((value) => (
          <line key={value} class="grid" x1="0" x2={width} y1={share(value)} y2={share(value)} />
        ))}
        {majority !== undefined && exact.length > 0 && (
          <line class="majority" x1="0" x2={width} y1={share(majority)} y2={share(majority)} />
        )}
        <path class="loss" d={path(thinned(losses), x, down)} />
        <path class="accuracy" d={path(exact, x, share)} />
        {exact.map(({ step, value, best }) => (
          <circle key={step} class={best ? "best" : ""} cx={x(step)} cy={share(value)} r="2.5" />
        ))}
      </svg>
      <figcaption class="legend">
        <span class="key loss">loss {last ? last.value.toFixed(last.value < 1 ? 3 : 2) : "–"}</span>
        {accuracy && <span class="key accuracy">right {shareText(accuracy.value)}</span>}
        {majority !== undefined && accuracy && <span class="key majority">always the same {shareText(majority)}</span>}
      </figcaption>
    </figure>
  );
}
