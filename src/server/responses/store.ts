/** Answers of /v1/responses that are kept, each its owner's alone. */

/** What is kept of an answer: itself, and the conversation that led to it. */
export interface KeptResponse {
  readonly id: string;
  /** The object as it was answered. */
  readonly response: Readonly<Record<string, unknown>>;
  /** Items of the request, with ids, in their order. */
  readonly input: readonly Readonly<Record<string, unknown>>[];
  /** The answer before it in its conversation. */
  readonly previous?: string;
  /** Of one in the background: when whoever writes it last said so, in milliseconds since 1970. */
  readonly beat?: number;
}

export interface Responses {
  put(owner: string, kept: KeptResponse): Promise<void>;
  /** Put it in the place of one that is still as it was when `get` gave it; whether it was. */
  replace(owner: string, before: KeptResponse, kept: KeptResponse): Promise<boolean>;
  get(owner: string, id: string): Promise<KeptResponse | undefined>;
  /** Whether there was one. */
  delete(owner: string, id: string): Promise<boolean>;
}

const most = 1000;

/** Kept while the server runs: the last thousand. */
export function responsesInMemory(): Responses {
  const kept = new Map<string, KeptResponse>();
  const keyOf = (owner: string, id: string) => JSON.stringify([owner, id]);
  return {
    async put(owner, response) {
      kept.set(keyOf(owner, response.id), response);
      if (kept.size > most) kept.delete(kept.keys().next().value!);
    },
    async replace(owner, before, response) {
      const key = keyOf(owner, response.id);
      if (kept.get(key) !== before) return false;
      kept.set(key, response);
      return true;
    },
    get: async (owner, id) => kept.get(keyOf(owner, id)),
    delete: async (owner, id) => kept.delete(keyOf(owner, id)),
  };
}
