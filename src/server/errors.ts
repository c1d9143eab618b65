/** Errors as clients of OpenAI's interface read them: `{"error":{"message","type","param","code"}}` and a status. */
import { type ErrorCode, ZerothError } from "../errors.ts";
import { redact } from "./redact.ts";

export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string | null;
  };
}

interface ApiErrorParts {
  /** What a program may branch on: `context_length_exceeded`, `model_not_found`, … */
  readonly code?: string;
  /** The field of the request that is meant, as `messages[0].content`. */
  readonly param?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** An error with the status it is answered with; the message is meant for the client. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string | undefined;
  readonly param: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, { code, param, headers = {}, cause }: ApiErrorParts = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.param = param;
    this.headers = headers;
  }
}

/** Throw an {@link ApiError}. */
export function refuse(status: number, message: string, parts?: ApiErrorParts): never {
  throw new ApiError(status, message, parts);
}

/** A value of the request that cannot be taken: 400 with the field's name. */
export const invalid = (param: string, message: string, code?: string): never =>
  refuse(400, message, { param, ...(code !== undefined && { code }) });

interface Row {
  readonly status: number;
  readonly code?: string;
  readonly param?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const again = (seconds: number) => ({ "retry-after": String(seconds) });
const never = { "x-should-retry": "false" };

/**
 * What becomes of the engine's errors. Clients send 408, 409, 429 and everything from 500 up again by themselves: what
 * a second try cannot mend says so.
 */
const rows: Record<ErrorCode, Row> = {
  bad_input: { status: 400 },
  wrong_use: { status: 400 },
  too_long: { status: 400, code: "context_length_exceeded" },
  unsupported: { status: 400, code: "unsupported" },
  check_failed: { status: 400 },
  not_found: { status: 404, code: "model_not_found", param: "model" },
  busy: { status: 429, code: "rate_limit_exceeded", headers: again(1) },
  out_of_memory: { status: 503, code: "out_of_memory", headers: again(10) },
  interrupted: { status: 503, code: "interrupted", headers: again(1) },
  storage_failed: { status: 503, code: "storage_failed", headers: again(10) },
  engine_failed: { status: 500, code: "engine_failed", headers: { "x-should-retry": "true", "retry-after": "2" } },
  corrupt_file: { status: 500, code: "corrupt_file", headers: never },
  internal: { status: 500, code: "internal", headers: never },
};

/** Names of OpenAI's for the statuses; everything below 500 that is not among them is `invalid_request_error`. */
const types: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  429: "rate_limit_error",
};
const typeOf = (status: number): string => types[status] ?? (status >= 500 ? "server_error" : "invalid_request_error");

/** An engine's message for a client: without the place where that is a file, with what to do next. */
export function messageOf({ message, where, hint }: ZerothError): string {
  const place = where !== undefined && /[\\/]/.test(where) ? where : undefined;
  const what = place !== undefined && message.startsWith(`${place}: `) ? message.slice(place.length + 2) : message;
  return redact(hint === undefined ? what : `${what} (${hint})`);
}

/** Any error as one that can be answered. What nobody foresaw is told to the log alone. */
export function apiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof ZerothError && error.code !== "internal") {
    return new ApiError(rows[error.code].status, messageOf(error), { ...rows[error.code], cause: error });
  }
  return new ApiError(500, "the server met an error it does not know; its log has more under this request's id", {
    ...rows.internal,
    cause: error,
  });
}

/** The object that is answered, as a body or as an event of a stream. */
export const errorBody = ({ status, message, param, code }: ApiError): ErrorBody => ({
  error: { message, type: typeOf(status), param: param ?? null, code: code ?? null },
});

export const errorResponse = (error: ApiError): Response =>
  new Response(JSON.stringify(errorBody(error)), {
    status: error.status,
    headers: { "content-type": "application/json", ...error.headers },
  });
