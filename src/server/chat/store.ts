/** Answers of /v1/chat/completions that are kept because their request said so, each its owner's alone. */
import { fail } from "../../errors.ts";
import type { Page, PageOptions } from "../../state/pages.ts";
import type { Message } from "./schema.ts";

export interface KeptChat {
  readonly id: string;
  /** The object as it was answered. */
  readonly answer: Readonly<Record<string, unknown>> & { readonly model: string };
  readonly metadata: Readonly<Record<string, string>>;
  /** The conversation that led to it. */
  readonly messages: readonly Message[];
}

export interface Chats {
  /** One of its id that its owner has kept before is replaced. */
  put(owner: string, kept: KeptChat): Promise<void>;
  get(owner: string, id: string): Promise<KeptChat | undefined>;
  /** Whether there was one. */
  delete(owner: string, id: string): Promise<boolean>;
  /** @throws not_found for an `after` that is none of theirs */
  list(owner: string, page: PageOptions): Promise<Page<KeptChat>>;
}

const most = 1000;

/** Kept while the server runs: the last thousand. */
export function chatsInMemory(): Chats {
  const kept = new Map<string, { readonly owner: string; readonly chat: KeptChat }>();
  const keyOf = (owner: string, id: string) => JSON.stringify([owner, id]);
  return {
    async put(owner, chat) {
      kept.set(keyOf(owner, chat.id), { owner, chat });
      if (kept.size > most) kept.delete(kept.keys().next().value!);
    },
    get: async (owner, id) => kept.get(keyOf(owner, id))?.chat,
    delete: async (owner, id) => kept.delete(keyOf(owner, id)),
    async list(owner, { after, limit, order = "desc" }) {
      const own = [...kept.values()].filter((one) => one.owner === owner).map(({ chat }) => chat);
      if (order === "desc") own.reverse();
      const at = after === undefined ? -1 : own.findIndex(({ id }) => id === after);
      if (after !== undefined && at < 0) fail("not_found", "there is no such item to begin after", { where: "after" });
      return { data: own.slice(at + 1, at + 1 + limit), more: own.length > at + 1 + limit };
    },
  };
}

/** Kept chats that are looked at together where not all of them are meant. */
const atOnce = 100;

/** A page of those that are meant, of a list that knows of no such thing. */
export async function listMatching(
  chats: Chats,
  owner: string,
  { limit, after, order }: PageOptions,
  meant: (chat: KeptChat) => boolean,
): Promise<Page<KeptChat>> {
  const data: KeptChat[] = [];
  for (let last = after; ; ) {
    const page = await chats.list(owner, { limit: atOnce, after: last, order });
    data.push(...page.data.filter(meant));
    if (data.length > limit || !page.more) return { data: data.slice(0, limit), more: data.length > limit };
    last = page.data.at(-1)!.id;
  }
}
