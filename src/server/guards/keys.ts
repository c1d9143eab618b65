/** Keys: compared so that the time tells nothing, and held as their hashes. */
import type { MiddlewareHandler } from "hono";
import type { KeyOwner, Keys, Variables } from "../context.ts";
import { everybody } from "../context.ts";
import { refuse } from "../errors.ts";

const bytesOf = async (text: string): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Whether two hashes are equal, in a time that does not depend on where they differ. */
function equal(a: Uint8Array, b: Uint8Array): boolean {
  let differs = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) differs |= a[i]! ^ (b[i] ?? 0);
  return differs === 0;
}

/**
 * Keys that were given when the server was started. All of them manage it. Each owns what is made with it by its hash: in
 * what order keys are given the next time, and which are there, gives nobody what was another's.
 */
export function fixedKeys(keys: readonly string[]): Keys {
  const hashes = Promise.all(keys.map(bytesOf));
  return {
    async find(key) {
      const given = await bytesOf(key);
      let found: number | undefined;
      // Every key is compared, whichever it is.
      for (const [i, hash] of (await hashes).entries()) if (equal(given, hash)) found = i;
      return found === undefined ? undefined : { owner: `key-${hex(given).slice(0, 32)}`, admin: true };
    },
  };
}

/** The key of a request: "Bearer …", as OpenAI's clients send it. */
const bearer = (header: string | undefined): string | undefined => /^Bearer +(\S+) *$/i.exec(header ?? "")?.[1];

/** Every route needs a key but those that `open` lets through. */
export function keyGuard(keys: Keys | undefined, open: (path: string) => boolean): MiddlewareHandler<Variables> {
  return async (c, next) => {
    const asked = c.get("asked");
    if (keys === undefined) asked.owner = everybody;
    else if (!open(c.req.path)) {
      const needed = (await keys.needed?.()) ?? true;
      asked.owner = needed ? await ownerOf(keys, bearer(c.req.header("authorization"))) : everybody;
    }
    await next();
  };
}

async function ownerOf(keys: Keys, key: string | undefined): Promise<KeyOwner> {
  const headers = { "www-authenticate": "Bearer" };
  if (key === undefined) {
    return refuse(401, "this server needs a key: send Authorization: Bearer KEY", { code: "missing_api_key", headers });
  }
  return (
    (await keys.find(key)) ?? refuse(401, "the key is not one of this server's", { code: "invalid_api_key", headers })
  );
}
