/** Copies for use without a network: the page's own files at the first visit, the engine's where it runs here. */
import { effect } from "@preact/signals";
import { client, models, root } from "../state/session.ts";

export function keepForOffline(): void {
  const workers = navigator.serviceWorker;
  if (!import.meta.env.PROD || !workers || !isSecureContext) return;
  workers.register(new URL("sw.js", root), { scope: root }).catch(() => {
    // A browser that refuses (private window, file://) works all the same, with a network.
  });
  let asked = false;
  effect(() => {
    const runsHere = client.value?.where === "browser" && models.value.some(({ state }) => state === "ready");
    if (!runsHere || asked) return;
    asked = true;
    workers.ready.then(({ active }) => active?.postMessage("keep-engine"));
  });
}
