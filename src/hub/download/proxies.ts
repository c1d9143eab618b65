/** Which proxy an address goes through, as curl and Python read the environment. */
import type { HubSettings } from "./settings.ts";

function matches(entry: string, host: string, port: string): boolean {
  const [, name = "", only] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? [];
  const wanted = name.toLowerCase().replace(/^\*?\./, "");
  if (only !== undefined && only !== port) return false;
  return host === wanted || host.endsWith(`.${wanted}`);
}

/** The proxy's address; undefined for a direct connection. `NO_PROXY` is `*`, or hosts that stand for their subdomains. */
export function proxyFor(address: string, { http, https, none = "" }: HubSettings["proxies"]): string | undefined {
  const { protocol, hostname, port } = new URL(address);
  const proxy = protocol === "https:" ? https : http;
  if (!proxy) return undefined;
  const host = hostname.toLowerCase();
  const open = port || (protocol === "https:" ? "443" : "80");
  const entries = none.split(/[\s,]+/).filter(Boolean);
  return entries.some((entry) => entry === "*" || matches(entry, host, open)) ? undefined : proxy;
}
