/** A file in memory in the place of one that is downloaded to. */
export function memoryDraft(start) {
  let data = start;
  return {
    size: async () => data.length,
    clear: async () => {
      data = new Uint8Array();
    },
    async write(at, piece) {
      const next = new Uint8Array(Math.max(data.length, at + piece.length));
      next.set(data);
      next.set(piece, at);
      data = next;
    },
    async *read(length) {
      yield data.slice(0, length);
    },
    bytes: () => data,
  };
}
