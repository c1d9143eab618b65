/** Whatever Node and undici throw, a person reads words. */
import dns from "node:dns";
import { constants } from "node:os";
import { getSystemErrorMap } from "node:util";
import fc from "fast-check";
import { errors } from "undici";
import { expect, test } from "vitest";
import { ZerothError } from "../../errors.ts";
import { request } from "./http.ts";
import { reasonOf } from "./reasons.ts";
import { refusal } from "./refusal.ts";
import { Temporary } from "./retry.ts";

const endpoint = "https://hub.example";
const settings = { endpoint, token: undefined, timeout: 1_000 };

/** Nothing that only a program understands. */
function expectWords({ message, hint }: { message: string; hint?: string | undefined }): void {
  for (const text of [message, hint ?? ""]) {
    expect(text).not.toMatch(/\bundefined\b|\bnull\b|\bNaN\b|\[object|\(\d*\)|: *$|^\W*$/);
    // A status and counts of bytes are named; any other number is bare.
    expect(text.replace(/HTTP status \d{3}|\d+ (bytes|s|tries)|https?:\/\/\S+/g, "")).not.toMatch(
      /(?<![A-Z0-9_=])\d+(?![A-Z0-9_])/,
    );
  }
  expect(hint ?? "").not.toBe("");
}

async function failing(cause: unknown) {
  const fetch = () => Promise.reject(cause);
  try {
    await request({ fetch, settings }, `${endpoint}/x`, {});
  } catch (error) {
    if (error instanceof Temporary) return { message: error.message, hint: error.parts.hint, lasting: false };
    if (error instanceof ZerothError) return { message: error.message, hint: error.hint, lasting: true };
    throw error;
  }
  throw new Error("it did not fail");
}

const certificates = [
  ...[
    "CERT_HAS_EXPIRED",
    "CERT_NOT_YET_VALID",
    "CERT_REVOKED",
    "CERT_UNTRUSTED",
    "CERT_REJECTED",
    "CERT_CHAIN_TOO_LONG",
  ],
  ...["CERT_SIGNATURE_FAILURE", "DEPTH_ZERO_SELF_SIGNED_CERT", "SELF_SIGNED_CERT_IN_CHAIN", "INVALID_CA"],
  ...["UNABLE_TO_GET_ISSUER_CERT", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
  ...["CRL_HAS_EXPIRED", "HOSTNAME_MISMATCH", "INVALID_PURPOSE", "ERR_TLS_CERT_ALTNAME_INVALID"],
];
const codes = [
  ...Object.keys(constants.errno),
  ...[...getSystemErrorMap().values()].map(([name]) => name),
  ...Object.values(dns).flatMap((one) => (typeof one === "string" && /^E[A-Z]+$/.test(one) ? [String(one)] : [])),
  ...["EAI_AGAIN", "EAI_FAIL", "EAI_NONAME", "EAI_NODATA", "EPROTO", "ESOCKETTIMEDOUT"],
  ...["ERR_SSL_WRONG_VERSION_NUMBER", "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "ERR_TLS_HANDSHAKE_TIMEOUT"],
  ...[
    "HPE_INVALID_CONSTANT",
    "HPE_HEADER_OVERFLOW",
    "HPE_INVALID_CONTENT_LENGTH",
    "ERR_INVALID_URL",
    "ERR_SOCKET_CLOSED",
  ],
  ...certificates,
];

test("every code of the system, of name look-ups, TLS and HTTP", async () => {
  expect(new Set(codes).size).toBeGreaterThan(120);
  for (const code of new Set(codes)) {
    const inner = Object.assign(new Error(""), { code, errno: -104, syscall: "connect" });
    for (const cause of [
      inner,
      new TypeError("fetch failed", { cause: inner }),
      new TypeError("fetch failed", { cause: Object.assign(new AggregateError([inner, inner], ""), { code }) }),
      new TypeError("fetch failed", { cause: new AggregateError([inner], "") }),
    ]) {
      const error = await failing(cause);
      expectWords(error);
      expect(error.message).toContain(`(${code})`);
      expect(error.message).toMatch(/^https:\/\/hub\.example: the hub cannot be reached: [a-z' ]{8,}/);
      if (certificates.includes(code)) expect([code, error.lasting]).toEqual([code, true]);
    }
  }
});

test("every error of undici", async () => {
  const made = Object.entries(errors).filter(([, one]) => typeof one === "function");
  expect(made.length).toBeGreaterThan(15);
  for (const [name, Made] of made) {
    // Some want a status or options; without them their messages hold undefined, as they may.
    for (const args of [[], ["message", 500, {}], [undefined, undefined, {}]]) {
      let inner: unknown;
      try {
        inner = new (Made as new (...args: unknown[]) => Error)(...args);
      } catch {
        continue;
      }
      const error = await failing(new TypeError("fetch failed", { cause: inner }));
      expectWords(error);
      if ((inner as { code?: string }).code)
        expect([name, error.message]).toEqual([name, expect.stringMatching(/\([A-Z0-9_]+\)$/)]);
    }
  }
});

test("DOMExceptions, whose codes are numbers", async () => {
  const names = ["AbortError", "TimeoutError", "NetworkError", "DataCloneError", "QuotaExceededError", "SyntaxError"];
  for (const name of names) {
    const one = new DOMException("This operation was aborted", name);
    expect(typeof one.code).toBe("number");
    for (const cause of [one, new TypeError("fetch failed", { cause: one })]) expectWords(await failing(cause));
  }
  expect((await failing(new DOMException("", "AbortError"))).message).toMatch(/the connection was ended$/);
  expect((await failing(new DOMException("", "TimeoutError"))).message).toMatch(/no answer came in time$/);
});

test("a proxy that refuses", async () => {
  const inner = Object.assign(new Error("Proxy response (407) !== 200 when HTTP Tunneling"), {
    code: "UND_ERR_ABORTED",
  });
  const error = await failing(new TypeError("fetch failed", { cause: inner }));
  expect(error).toMatchObject({
    message: expect.stringMatching(/the proxy refuses with HTTP status 407/),
    lasting: true,
  });
  expectWords(error);
});

test("whatever is thrown", () => {
  const value = fc.oneof(
    fc.anything(),
    fc.constantFrom("undefined", "null", "[object Object]", "20", "Cannot read properties of undefined (reading 'x')"),
  );
  const thrown = fc.letrec((tie) => ({
    error: fc.record(
      { code: value, name: value, message: value, cause: fc.oneof(tie("error"), value), errors: value },
      { requiredKeys: [] },
    ),
  })).error;
  fc.assert(
    fc.property(fc.oneof(thrown, value), (cause) => {
      const { words, hint } = reasonOf(cause);
      expect(words.length).toBeGreaterThan(10);
      expect(words.length).toBeLessThan(400);
      expect(hint.length).toBeGreaterThan(10);
      expect(words).not.toMatch(/\bundefined\b|\bnull\b|\[object|\(\d+\)/);
    }),
    { numRuns: 2_000 },
  );
  const circle = new Error("around") as Error & { cause: unknown };
  circle.cause = circle;
  expect(reasonOf(circle).words).toBe('the request failed: "around"');
});

test("every status, from the hub and from a store", () => {
  const asked = { repo: "acme/tiny", revision: "main", endpoint, file: "x" };
  for (let status = 200; status < 600; status++) {
    const empty = [204, 205, 304].includes(status);
    for (const fromHub of [true, false]) {
      for (const token of [true, false]) {
        const response = new Response(empty ? null : "", { status });
        const error = refusal({ response, first: response.headers, fromHub, close() {} }, { ...asked, token }, 0);
        expect(error instanceof Temporary || error instanceof ZerothError).toBe(true);
        const hint = error instanceof Temporary ? error.parts.hint : (error as ZerothError).hint;
        expectWords({ message: error.message, hint });
      }
    }
  }
});

test.each<[number, string | undefined, RegExp]>([
  [302, undefined, /sends us on without saying where to \(HTTP status 302\)/],
  [307, "", /without saying where to/],
  [302, "mailto:someone", /sends us on to "mailto:", which is neither http nor https/],
  [302, "data:text/plain,null", /which is neither http nor https/],
  [302, "http://[", /which is no address/],
  [302, "http://store.example/x?sig=secret", /to "http:\/\/store\.example\/x", which is no longer encrypted/],
  [302, "https://me:secret@store.example/", /to "https:\/\/store\.example\/", with a name or password in the address/],
  [302, "https://10.0.0.1/x", /in this machine's own network/],
])("a redirect with status %d to %s", async (status, location, message) => {
  const headers = new Headers(location === undefined ? {} : { location });
  const fetch = async () => new Response(null, { status, headers });
  const error = await request({ fetch, settings }, `${endpoint}/x`, {}).catch((cause: ZerothError) => cause);
  expect(error).toMatchObject({ code: "corrupt_file", message: expect.stringMatching(message) });
  const { message: said, hint } = error as ZerothError;
  expect(`${said} ${hint}`).not.toMatch(/secret|"null"|undefined/);
});
