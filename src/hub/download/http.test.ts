/** The token goes to the hub's own origin and nowhere else, wherever a server sends us. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ZerothError } from "../../errors.ts";
import { type FetchInit, request } from "./http.ts";

const token = "hf_secret";
const hosts = [
  "hub.example",
  "HUB.EXAMPLE",
  "hub.example.",
  "sub.hub.example",
  "store.example",
  "hub.example.evil",
  "127.0.0.1",
];
const place = fc
  .record({
    scheme: fc.constantFrom("https:", "http:", "", "ftp:", "HTTPS:"),
    user: fc.constantFrom("", "", "", "hub.example@", "hub.example:443@", `x:${token}@`),
    host: fc.constantFrom(...hosts),
    port: fc.constantFrom("", "", ":443", ":80", ":8443"),
    path: fc.constantFrom("", "/", "/api", "/a?b=c", "/hub.example", "//hub.example/x", "/\\hub.example", "/%2e%2e/"),
  })
  .map(({ scheme, user, host, port, path }) => `${scheme}//${user}${host}${port}${path}`);
const location = fc.oneof(
  { weight: 4, arbitrary: place },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "/relative",
      "?again",
      "//store.example/x",
      "\\\\store.example\\x",
      "",
      "::",
      "javascript:0",
    ),
  },
);
const endpoints = [
  "https://hub.example",
  "http://hub.example",
  "https://hub.example:8443/mirror",
  "http://127.0.0.1:80",
];

test("any chain of redirects", async () => {
  let [carried, elsewhere, refused] = [0, 0, 0];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...endpoints),
      fc.array(fc.tuple(fc.constantFrom(301, 302, 303, 307, 308), location), { maxLength: 8 }),
      async (endpoint, chain) => {
        const home = new URL(endpoint);
        const asked: URL[] = [];
        const fetch = async (address: string, init: FetchInit) => {
          const url = new URL(address);
          const { headers } = init;
          // Nothing that carries it but this one header, to this one origin.
          if (url.origin === home.origin) {
            expect(headers.authorization).toBe(`Bearer ${token}`);
            carried++;
          } else {
            expect(JSON.stringify(headers)).not.toContain(token);
            elsewhere++;
          }
          expect([url.username, url.password, init.redirect]).toEqual(["", "", "manual"]);
          // From https there is no way back to http, and from outside none into this machine.
          if (asked.some(({ protocol }) => protocol === "https:")) expect(url.protocol).toBe("https:");
          if (home.hostname !== "127.0.0.1") expect(url.hostname).not.toBe("127.0.0.1");
          asked.push(url);
          const [status, to] = chain[asked.length - 1] ?? [200, undefined];
          return new Response(null, { status, headers: to === undefined ? {} : { location: to } });
        };
        const settings = { endpoint, token, timeout: 1_000 };
        try {
          const answer = await request({ fetch, settings }, `${endpoint}/x`, {});
          expect(answer.fromHub).toBe(asked.at(-1)!.origin === home.origin);
        } catch (error) {
          if (!(error instanceof ZerothError)) throw error;
          expect(error.code).toBe("corrupt_file");
          expect(`${error.message} ${error.hint}`).not.toContain(token);
          refused++;
        }
        expect(asked.length).toBeLessThanOrEqual(6);
      },
    ),
    { numRuns: 3_000 },
  );
  expect(Math.min(carried, elsewhere, refused)).toBeGreaterThan(300);
});

test("a body of a redirect that never ends, and never notices its end, does not hold us up", async () => {
  let asked = 0;
  const fetch = async () => {
    const endless = new ReadableStream({ pull: () => new Promise(() => {}), cancel: () => new Promise(() => {}) });
    return asked++ === 0
      ? new Response(endless, { status: 302, headers: { location: "/there" } })
      : new Response("here");
  };
  const settings = { endpoint: "https://hub.example", token, timeout: 5_000 };
  const answer = await request({ fetch, settings }, "https://hub.example/x", {});
  expect(await answer.response.text()).toBe("here");
});
