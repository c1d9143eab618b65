/** Choices with their likelihoods: beside one another, raw, and a token. */
import type { ChoiceScore } from "../client/client.ts";
import { plural, shareText } from "./numbers.ts";

/**
 * Whether the model would hardly say any of the choices: the best has, in the geometric mean over its tokens, less than
 * one in ten. Shares among choices always add up to 100 %, however unlikely all of them are.
 */
export const noneLikely = (scores: readonly ChoiceScore[]): boolean =>
  scores.every(({ sum, tokens }) => sum / tokens < Math.log(0.1));

/** Shares among the choices, by the sums of their log-probabilities. */
export function sharesOf(scores: readonly ChoiceScore[]): number[] {
  const top = Math.max(...scores.map(({ sum }) => sum));
  const weights = scores.map(({ sum }) => Math.exp(sum - top));
  const all = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / all);
}

const logText = (logprob: number): string => (logprob > -0.005 ? "0.00" : `−${(-logprob).toFixed(2)}`);

export function ChoiceBars({ scores }: { readonly scores: readonly ChoiceScore[] }) {
  const shares = sharesOf(scores);
  const best = shares.indexOf(Math.max(...shares));
  return (
    <div class="choices">
      <table>
        <caption class="hidden">How likely each choice is as the answer</caption>
        <thead>
          <tr>
            <th scope="col">Choice</th>
            <th scope="col" class="wide">
              Share
            </th>
            <th scope="col" class="number" title="Sum of the log-probabilities of the choice's tokens">
              Log-probability
            </th>
            <th scope="col" class="number" title="The same divided by the number of tokens">
              A token
            </th>
          </tr>
        </thead>
        <tbody>
          {scores.map(({ text, sum, tokens }, i) => (
            <tr key={i} class={i === best ? "best" : ""}>
              <th scope="row">{text}</th>
              <td class="wide">
                <div>
                  <span class="bar">
                    <span style={{ width: `${100 * shares[i]!}%` }} />
                  </span>
                  <span class="number">{shareText(shares[i]!)}</span>
                </div>
              </td>
              <td class="number">{logText(sum)}</td>
              <td class="number" title={plural(tokens, "token")}>
                {logText(sum / tokens)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {noneLikely(scores) && (
        <p class="warning" role="note">
          None of these is likely: left to itself the model would say something else. The shares only compare the
          choices with each other.
        </p>
      )}
    </div>
  );
}
