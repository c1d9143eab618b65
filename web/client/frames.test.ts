import fc from "fast-check";
import { expect, test } from "vitest";
import { frames } from "./frames.ts";

async function read(parts: readonly Uint8Array[]): Promise<string[]> {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const part of parts) controller.enqueue(part);
      controller.close();
    },
  });
  const found: string[] = [];
  for await (const data of frames(body)) found.push(data);
  return found;
}

const whole = new TextEncoder().encode(': alive\n\ndata: {"a":"ü"}\r\n\r\ndata: two\ndata: lines\n\ndata: [DONE]\n\n');

test("events are the same wherever the stream is cut, in the middle of a character, too", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(whole.length), { maxLength: 6 }), async (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), whole.length];
      const parts = places.slice(1).map((end, i) => whole.slice(places[i]!, end));
      expect(await read(parts)).toEqual(['{"a":"ü"}', "two\nlines"]);
    }),
  );
});

test("a stream that ends early is not taken for a whole answer", async () => {
  const cut = whole.slice(0, whole.length - 10);
  await expect(read([cut])).rejects.toThrow("The server stopped in the middle of the answer.");
});
