/** One line at the bottom: where models run, on what, how fast the last answer came. */
import { bytesText, plural } from "../parts/numbers.ts";
import { client, models, speed, status } from "../state/session.ts";
import { paletteOpen } from "./keys.ts";

export function Strip() {
  const { device, threads, memory, note } = status.value;
  const opening = models.value.find(({ state }) => state === "opening");
  const { done, total } = opening?.progress ?? {};
  const loading =
    opening && (done === undefined ? "opening" : `${bytesText(done)}${total ? ` of ${bytesText(total)}` : ""}`);
  const places = { browser: "this browser", server: "this server" };
  const facts = [
    client.value ? places[client.value.where] : "looking for a model",
    device,
    threads !== undefined && plural(threads, "thread"),
    memory !== undefined && bytesText(memory),
    speed.value !== undefined && `${speed.value.toFixed(speed.value < 10 ? 1 : 0)} tokens/s`,
    loading && `loading ${opening.id}: ${loading}`,
  ].filter((fact) => typeof fact === "string");
  return (
    <footer class="strip">
      <span class="facts" title={note}>
        {facts.map((fact) => (
          <span key={fact}>{fact}</span>
        ))}
      </span>
      <button type="button" class="quiet" onClick={() => (paletteOpen.value = true)}>
        <span>Everything by name</span> <kbd>Ctrl K</kbd>
      </button>
    </footer>
  );
}
