/** `zeroth keys`: keys of the server's users: made, listed, taken back. */
import { fail } from "../../errors.ts";
import type { StoredKey } from "../../state/keys-node.ts";
import { defineCommand } from "../define.ts";

const time = (seconds: number | null): string | null =>
  seconds === null ? null : new Date(seconds * 1000).toISOString();
const day = (seconds: number | null): string => time(seconds)?.slice(0, 10) ?? "never";

const rowOf = ({ id, name, shown, created, lastUsed, revoked, requestsPerMinute, tokensPerDay }: StoredKey) => ({
  ...{ id, name, shown, created: time(created), last_used: time(lastUsed), revoked: time(revoked) },
  ...{ requests_per_minute: requestsPerMinute, tokens_per_day: tokensPerDay },
});

/** What a line of the list says of a key's limits. */
const limitsOf = ({ requestsPerMinute, tokensPerDay }: StoredKey): string =>
  [requestsPerMinute && `${requestsPerMinute} requests/min`, tokensPerDay && `${tokensPerDay} tokens/day`]
    .filter(Boolean)
    .join(", ") || "no limits";

export default defineCommand({
  group: "program",
  summary: "Make, list and revoke keys for users of the server",
  arguments: "<create|list|revoke> [name]",
  words: ["create", "list", "revoke"],
  options: [
    { flags: "--requests-per-minute <n>", as: "integer", help: "for create: more are refused for a while" },
    { flags: "--tokens-per-day <n>", as: "integer", help: "for create: read and written together" },
  ],
  rows: '`create`: `{"key","id","name","shown","created","last_used","revoked","requests_per_minute","tokens_per_day"}`; `list` and `revoke`: the same without `key`, which is never shown again',
  example: "zeroth keys create laptop",
  async run({ args: [action, name, ...rest], flags, output }) {
    const { createKey, listKeys, revokeKey } = await import("../../state/keys-node.ts");
    const { openState } = await import("../../state/open-node.ts");
    const { requestsPerMinute, tokensPerDay } = flags;
    const limited = requestsPerMinute !== undefined || tokensPerDay !== undefined;
    const known = action === "list" ? name === undefined : action === "create" || action === "revoke";
    if (!known || rest.length > 0 || (action !== "list" && name === undefined)) {
      fail("wrong_use", "expected create NAME, list, or revoke ID", {
        hint: "zeroth keys create laptop; zeroth keys list; zeroth keys revoke key-ID",
      });
    }
    if (limited && action !== "create") fail("wrong_use", "limits are set when a key is made: zeroth keys create NAME");
    const state = await openState(process.env);
    try {
      if (action === "create") {
        const { key, ...made } = await createKey(state, { name: name!, requestsPerMinute, tokensPerDay });
        output.row({ key, ...rowOf(made) });
        output.text(`${key}\n`);
        output.say(`this is the only time the key is shown; revoke it with: zeroth keys revoke ${made.id}`);
      } else if (action === "revoke") {
        const key = await revokeKey(state, name!);
        output.row(rowOf(key));
        output.text(`revoked ${key.id}\n`);
      } else {
        const keys = await listKeys(state);
        const width = Math.max(0, ...keys.map(({ name }) => name.length));
        for (const key of keys) {
          output.row(rowOf(key));
          const used = key.revoked === null ? `used ${day(key.lastUsed)}` : `revoked ${day(key.revoked)}`;
          output.answer(`${key.id}  ${key.name.padEnd(width)}  ${key.shown}  ${limitsOf(key)}  ${used}\n`);
        }
        if (keys.length === 0) output.say("there are no keys: zeroth keys create NAME makes one");
      }
      return 0;
    } finally {
      await state.close();
    }
  },
});
