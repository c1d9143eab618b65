/** Row groups that were read, while they fit: a group is the least of a Parquet file that can be read. */

export interface GroupCache<T extends { readonly bytes: number } = { readonly bytes: number }> {
  get<G extends T>(key: string, read: () => Promise<G>): Promise<G>;
}

/**
 * The least recently used go first; a group that is larger than the cache is kept alone.
 * @param limit bytes of unpacked groups
 */
export function createGroupCache(limit = 256 << 20): GroupCache {
  const held = new Map<string, { bytes: number; group: Promise<unknown> }>();
  let sum = 0;
  const drop = (key: string) => {
    sum -= held.get(key)?.bytes ?? 0;
    held.delete(key);
  };
  return {
    get<G extends { readonly bytes: number }>(key: string, read: () => Promise<G>): Promise<G> {
      const found = held.get(key);
      if (found) {
        held.delete(key);
        held.set(key, found);
        return found.group as Promise<G>;
      }
      const entry = { bytes: 0, group: read() };
      held.set(key, entry);
      const kept = async () => {
        const { bytes } = await (entry.group as Promise<G>);
        if (held.get(key) !== entry) return;
        entry.bytes = bytes;
        sum += bytes;
        for (const oldest of held.keys()) {
          if (sum <= limit || oldest === key) break;
          drop(oldest);
        }
      };
      // A group that cannot be read is asked for again, and says again why.
      kept().catch(() => {
        if (held.get(key) === entry) drop(key);
      });
      return entry.group as Promise<G>;
    },
  };
}
