/** Digest: a month's papers of a field, chosen with reasons, each sentence traceable, changed by hand, ready to publish. */
import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { Problem } from "../../client/client.ts";
import { ProblemNote } from "../../parts/problem.tsx";
import { hasServer } from "../../state/session.ts";
import "./digest.css";

/** Loaded where there is a server. */
const desk = signal<ComponentType | undefined>(undefined);

const alone = new Problem("Digests are made by a server, and this page has none.", {
  hint: "zeroth serve starts one; its page has this panel. The command zeroth digest needs none.",
});

export function Panel() {
  const able = hasServer.value;
  useEffect(() => {
    if (able && !desk.value) {
      void import("./desk.tsx").then(({ Desk }) => {
        desk.value = Desk;
      });
    }
  }, [able]);
  const Desk = desk.value;
  return (
    <div class="digest">
      <h1>
        Digest{" "}
        <small>
          A month of a field as a newsletter: how much was published, the papers to read and why, each sentence with the
          place it comes from.
        </small>
      </h1>
      {!able && <ProblemNote problem={alone} />}
      {able && Desk && <Desk />}
    </div>
  );
}
