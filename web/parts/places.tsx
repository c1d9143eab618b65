/** Where something is done or kept: in this browser or on the server, where there is one. */
import type { Client, Problem } from "../client/client.ts";
import { hasServer } from "../state/session.ts";

type Place = Client["where"];

const says = { server: "on this server", browser: "in this browser" } as const;

interface Props {
  readonly legend: string;
  /** Of the field: one for each panel. */
  readonly name: string;
  readonly place: Place;
  /** Why the server cannot. */
  readonly trouble: Problem | undefined;
  readonly choose: (place: Place) => void;
}

export function Places({ legend, name, place, trouble, choose }: Props) {
  if (!hasServer.value) return null;
  return (
    <>
      <fieldset class="places">
        <legend>{legend}</legend>
        {(["server", "browser"] as const).map((at) => (
          <label key={at}>
            <input type="radio" name={name} checked={place === at} onChange={() => choose(at)} /> {says[at]}
          </label>
        ))}
      </fieldset>
      {trouble && (
        <p class="warning" role="note">
          {trouble.message} {trouble.hint}
        </p>
      )}
    </>
  );
}
