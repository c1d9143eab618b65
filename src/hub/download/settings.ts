/** The hub's environment variables, read as Python's huggingface_hub reads them. */
import { fail } from "../../errors.ts";
import type { Environment } from "../names.ts";

export interface HubSettings {
  /** Address of the hub, without a slash at the end. */
  readonly endpoint: string;
  readonly token: string | undefined;
  /** No request is made. */
  readonly offline: boolean;
  /** Milliseconds without a byte after which a connection counts as dead. */
  readonly timeout: number;
  readonly progress: boolean;
  readonly symlinks: boolean;
  readonly proxies: { readonly http?: string; readonly https?: string; readonly none?: string };
}

/** `1`, `ON`, `YES`, `TRUE` in any case. */
const isTrue = (value: string | undefined): boolean => /^(1|on|yes|true)$/i.test(value ?? "");

function endpointOf(env: Environment): string {
  const text = env.HF_ENDPOINT || "https://huggingface.co";
  let address: URL;
  try {
    address = new URL(text);
  } catch (cause) {
    return fail("bad_input", "HF_ENDPOINT is not an address", { hint: "it looks like https://huggingface.co", cause });
  }
  if (!/^https?:$/.test(address.protocol) || address.username || address.password || address.search || address.hash) {
    fail("bad_input", "HF_ENDPOINT must be http:// or https://, a host and perhaps a path", {
      hint: "a token belongs into HF_TOKEN, not into an address",
    });
  }
  return text.replace(/\/+$/, "");
}

function tokenOf(env: Environment, readSmall: (path: string) => string | undefined): string | undefined {
  if (isTrue(env.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return undefined;
  const home = env.HOME || env.USERPROFILE;
  const expand = (path: string): string => (home && /^~(?=\/|$)/.test(path) ? home + path.slice(1) : path);
  const hubHome = env.HF_HOME || (env.XDG_CACHE_HOME ? `${env.XDG_CACHE_HOME}/huggingface` : "~/.cache/huggingface");
  const file = expand(env.HF_TOKEN_PATH || `${hubHome}/token`);
  const token = (env.HF_TOKEN || env.HUGGING_FACE_HUB_TOKEN || readSmall(file) || "").trim();
  if (token === "") return undefined;
  // What does not fit a header would otherwise appear in the error of whoever builds the request.
  if (!/^[\x21-\x7e]{1,1000}$/.test(token)) {
    fail("bad_input", "the access token holds characters that no token has", {
      hint: `check HF_TOKEN, or the file ${file}`,
    });
  }
  return token;
}

/** @param readSmall content of a small text file, undefined when there is none */
export function hubSettings(env: Environment, readSmall: (path: string) => string | undefined): HubSettings {
  const seconds = Number(env.HF_HUB_DOWNLOAD_TIMEOUT || 10);
  const proxies = {
    http: env.http_proxy || env.HTTP_PROXY || env.all_proxy || env.ALL_PROXY,
    https: env.https_proxy || env.HTTPS_PROXY || env.all_proxy || env.ALL_PROXY,
    none: env.no_proxy || env.NO_PROXY,
  };
  const offline = isTrue(env.HF_HUB_OFFLINE || env.TRANSFORMERS_OFFLINE);
  return {
    endpoint: endpointOf(env),
    token: offline ? undefined : tokenOf(env, readSmall),
    offline,
    timeout: (Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 3600) : 10) * 1000,
    progress: !isTrue(env.HF_HUB_DISABLE_PROGRESS_BARS),
    symlinks: !isTrue(env.HF_HUB_DISABLE_SYMLINKS),
    proxies: {
      ...(proxies.http && { http: proxies.http }),
      ...(proxies.https && { https: proxies.https }),
      ...(proxies.none && { none: proxies.none }),
    },
  };
}
