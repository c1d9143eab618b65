/** Events of a stream (`text/event-stream`): the data of each, until `[DONE]`. */
import { Problem } from "./client.ts";

/** @throws a problem where the stream ends before `[DONE]`: its answer is not whole */
export async function* frames(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      rest += value;
      const events = rest.split(/\r?\n\r?\n/);
      rest = events.pop()!;
      for (const event of events) {
        const lines = event.split(/\r?\n/).filter((line) => line.startsWith("data:"));
        const data = lines.map((line) => line.slice(5).replace(/^ /, "")).join("\n");
        if (data === "[DONE]") return;
        if (data !== "") yield data;
      }
    }
  } finally {
    // Leaving early tells the server to stop.
    reader.cancel().catch(() => {});
  }
  throw new Problem("The server stopped in the middle of the answer.", {
    hint: "Run it again; what has come so far is kept.",
    details: "the stream ended without [DONE]",
  });
}
