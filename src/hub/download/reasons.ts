/** Why a connection failed, in words: the codes of Node, its TLS, its name look-up and undici. Pure. */
import { shown } from "../../base/json.ts";

export interface Reason {
  readonly words: string;
  /** What to do about it. */
  readonly hint: string;
  /** Waiting does not mend it. */
  readonly lasting: boolean;
}

const hints = {
  network: "check the connection; HTTPS_PROXY names a proxy, HF_ENDPOINT a mirror, HF_HUB_OFFLINE=1 asks nothing",
  certificate:
    "its certificate is not trusted here; behind a company's proxy set NODE_EXTRA_CA_CERTS to its root certificate",
  clock: "is the clock of this machine right? if so, the server's certificate has to be renewed",
  server: "the server, or something on the way to it, is not what it should be; HF_ENDPOINT names a mirror",
  proxy: "check HTTPS_PROXY or HTTP_PROXY, the name and password in it, and NO_PROXY for hosts that need none",
  machine: "this machine has run out of something: end other programs, or fetch fewer files at a time",
  ours: "try again; if it stays, please report it with this message",
} as const;

type Row = readonly [words: string, hint: keyof typeof hints, lasting?: "lasting"];

/** By code. What is not here has a row by its beginning below, or is said as the system says it. */
const rows: Readonly<Record<string, Row>> = {
  ENOTFOUND: ["its host name is not known", "network"],
  EAI_NONAME: ["its host name is not known", "network"],
  EAI_AGAIN: ["its host name could not be looked up, there seems to be no network", "network"],
  EAI_FAIL: ["its host name could not be looked up", "network"],
  ENODATA: ["its host name has no address", "network"],
  EAI_NODATA: ["its host name has no address", "network"],
  ESERVFAIL: ["the name server failed", "network"],
  ECONNREFUSED: ["nothing answers at its address and port", "network"],
  ECONNRESET: ["the other side cut the connection", "network"],
  ECONNABORTED: ["the connection was cut", "network"],
  EPIPE: ["the other side cut the connection", "network"],
  ENOTCONN: ["the connection was cut", "network"],
  ETIMEDOUT: ["no connection came about in time", "network"],
  ESOCKETTIMEDOUT: ["no answer came in time", "network"],
  ENETUNREACH: ["there is no way to its network", "network"],
  ENETDOWN: ["the network is down", "network"],
  EHOSTUNREACH: ["there is no way to its host", "network"],
  EHOSTDOWN: ["its host is down", "network"],
  EADDRNOTAVAIL: ["this machine has no address to ask from", "network"],
  EAFNOSUPPORT: ["this machine does not speak its kind of address", "network"],
  EACCES: ["the system, or a firewall, forbids the connection", "network"],
  EPERM: ["the system, or a firewall, forbids the connection", "network"],
  EMFILE: ["too many files and connections are open", "machine"],
  ENFILE: ["too many files and connections are open", "machine"],
  ENOMEM: ["there is no memory for a connection", "machine"],
  ENOBUFS: ["there is no memory for a connection", "machine"],
  EPROTO: ["what answers does not speak TLS as it should", "server", "lasting"],
  CERT_HAS_EXPIRED: ["its certificate has expired", "clock", "lasting"],
  CERT_NOT_YET_VALID: ["its certificate is not valid yet", "clock", "lasting"],
  ERR_TLS_CERT_ALTNAME_INVALID: ["its certificate is that of another host", "certificate", "lasting"],
  HOSTNAME_MISMATCH: ["its certificate is that of another host", "certificate", "lasting"],
  DEPTH_ZERO_SELF_SIGNED_CERT: ["its certificate is signed by itself", "certificate", "lasting"],
  SELF_SIGNED_CERT_IN_CHAIN: ["its certificate is signed by an unknown root", "certificate", "lasting"],
  ERR_TLS_HANDSHAKE_TIMEOUT: ["no connection came about in time", "network"],
  ERR_INVALID_URL: ["its address is none", "network", "lasting"],
  UND_ERR_CONNECT_TIMEOUT: ["no connection came about in time", "network"],
  UND_ERR_HEADERS_TIMEOUT: ["no answer came in time", "network"],
  UND_ERR_BODY_TIMEOUT: ["the answer stood still", "network"],
  UND_ERR_SOCKET: ["the other side cut the connection", "network"],
  UND_ERR_HEADERS_OVERFLOW: ["the headers of the answer are too long", "server"],
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: ["another number of bytes came than was announced", "server"],
  UND_ERR_RES_EXCEEDED_MAX_SIZE: ["the answer is too long", "server"],
  UND_ERR_RESPONSE: ["the answer is an error", "server"],
  UND_ERR_RESPONSE_STATUS_CODE: ["the answer is an error", "server"],
  UND_ERR_PRX_TLS: ["no connection came about through the proxy", "proxy"],
  UND_ERR_ABORT: ["the connection was ended", "network"],
  UND_ERR_ABORTED: ["the connection was ended", "network"],
  UND_ERR_DESTROYED: ["the connection was ended", "network"],
  UND_ERR_CLOSED: ["the connection was ended", "network"],
};

/** By the beginning of a code. */
const families: readonly (readonly [RegExp, Row])[] = [
  [
    /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|^CRL_|^INVALID_(CA|PURPOSE)/,
    ["its certificate is not trusted", "certificate", "lasting"],
  ],
  [/^ERR_(SSL|TLS|OSSL)/, ["what answers does not speak TLS as it should", "server", "lasting"]],
  [/^HPE_/, ["what answers does not speak HTTP", "server"]],
  [
    /^(EAI_|EBADNAME|EBADQUERY|EBADRESP|EBADFAMILY|EFORMERR|ENOTIMP|EREFUSED|ECANCELLED|EDESTRUCTION|ELOADIPHLPAPI)/,
    ["its host name could not be looked up", "network"],
  ],
  [/^UND_ERR_/, ["the request failed", "ours"]],
  [/^E[A-Z0-9]+$/, ["the system refuses the connection", "network"]],
];

/** `DOMException`s, whose codes are numbers. */
const named: Readonly<Record<string, Row>> = {
  AbortError: ["the connection was ended", "network"],
  TimeoutError: ["no answer came in time", "network"],
};

/** A failure, what caused it, and what several addresses of one host gave; outer ones first. */
function chainOf(cause: unknown): { code?: unknown; name?: unknown; message?: unknown }[] {
  const chain: object[] = [];
  const next: unknown[] = [cause];
  while (next.length > 0 && chain.length < 20) {
    const one = next.shift();
    if (typeof one !== "object" || one === null || chain.includes(one)) continue;
    chain.push(one);
    const { cause: inner, errors } = one as { cause?: unknown; errors?: unknown };
    next.push(inner, ...(Array.isArray(errors) ? (errors as unknown[]).slice(0, 4) : []));
  }
  return chain;
}

const toReason = ([words, hint, lasting]: Row, code: string | undefined): Reason => ({
  words: code === undefined ? words : `${words} (${code})`,
  hint: hints[hint],
  lasting: lasting !== undefined,
});

/** A foreign message as it may be shown; nothing of one that says nothing. */
function foreign(message: unknown): string | undefined {
  if (typeof message !== "string" || !/[a-z]{3}/i.test(message) || message === "fetch failed") return undefined;
  return /\bundefined\b|\bnull\b|\bNaN\b|\[object/.test(message) ? undefined : shown(message);
}

/** Why a request or the reading of its answer failed. Whatever was thrown, the words are words. */
export function reasonOf(cause: unknown): Reason {
  const chain = chainOf(cause);
  for (const { message } of chain) {
    const [, status] = /^Proxy response \((\d{3})\)/.exec(typeof message === "string" ? message : "") ?? [];
    if (status) return { words: `the proxy refuses with HTTP status ${status}`, hint: hints.proxy, lasting: true };
  }
  const codes = chain.flatMap(({ code }) =>
    typeof code === "string" && /^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? code : [],
  );
  // The innermost code says the most: undici's own stand around those of the system.
  const known = codes.findLast((code) => Object.hasOwn(rows, code));
  if (known) return toReason(rows[known]!, known);
  for (const code of codes.toReversed()) {
    const family = families.find(([pattern]) => pattern.test(code));
    if (family) return toReason(family[1], code);
  }
  const name = chain
    .flatMap((one) => (typeof one.name === "string" ? one.name : []))
    .find((one) => Object.hasOwn(named, one));
  if (name) return toReason(named[name]!, undefined);
  const said = chain.map(({ message }) => foreign(message)).findLast((text) => text !== undefined);
  const [code] = codes;
  const details = [said && `: ${said}`, code && ` (${code})`].filter(Boolean).join("");
  return {
    words: `the request failed${details || " without a reason given"}`,
    hint: hints.network,
    lasting: false,
  };
}

/** Names of the statuses that hubs, stores and proxies give. */
const statuses: Readonly<Record<number, string>> = {
  204: "no content",
  206: "a part",
  304: "not modified",
  400: "bad request",
  401: "no access",
  402: "payment required",
  403: "forbidden",
  404: "not found",
  405: "method not allowed",
  406: "not acceptable",
  407: "the proxy wants a password",
  408: "timed out",
  409: "conflict",
  410: "gone",
  411: "length required",
  412: "precondition failed",
  413: "too large",
  414: "address too long",
  416: "no such range",
  421: "wrong server",
  429: "too many requests",
  431: "headers too long",
  451: "not for legal reasons",
  500: "server error",
  501: "not implemented",
  502: "bad gateway",
  503: "not available",
  504: "gateway timed out",
  507: "no space on the server",
  511: "log in to the network first",
};

/** `HTTP status 502 (bad gateway)`. */
export const statusWords = (status: number): string =>
  `HTTP status ${status}${statuses[status] ? ` (${statuses[status]})` : ""}`;
