/** `fetch` through the proxies that the environment names; Node's own looks at none. */
import type { Fetch } from "./http.ts";
import type { HubSettings } from "./settings.ts";

export async function proxiedFetch({ proxies }: Pick<HubSettings, "proxies">): Promise<Fetch> {
  const { http, https, none } = proxies;
  if (!http && !https) return (address, init) => fetch(address, init);
  const { EnvHttpProxyAgent, fetch: fetchThrough } = await import("undici");
  const dispatcher = new EnvHttpProxyAgent({ httpProxy: http ?? "", httpsProxy: https ?? "", noProxy: none ?? "" });
  // The package's fetch and Node's are one program in two versions; only the names of their types differ.
  return async (address, init) => (await fetchThrough(address, { ...init, dispatcher })) as unknown as Response;
}
