/** `fetch` through the proxies that the environment names; Node's own looks at none. */
import type { ProxyAgent } from "undici";
import { fail } from "../../errors.ts";
import type { Fetch } from "./http.ts";
import { proxyFor } from "./proxies.ts";
import type { HubSettings } from "./settings.ts";

export async function proxiedFetch({ proxies }: Pick<HubSettings, "proxies">): Promise<Fetch> {
  if (!proxies.http && !proxies.https) return (address, init) => fetch(address, init);
  const { fetch: fetchThrough, ProxyAgent: Agent } = await import("undici");
  const agents = new Map<string, ProxyAgent>();
  const agentOf = (proxy: string): ProxyAgent => {
    const address = /^[a-z]+:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
    if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) {
      // The address may hold a password: it is not repeated.
      fail("bad_input", "HTTP_PROXY or HTTPS_PROXY is not the address of a proxy", {
        hint: "it looks like http://proxy.example:3128; set NO_PROXY for hosts that need none",
      });
    }
    const agent = agents.get(address) ?? new Agent(address);
    agents.set(address, agent);
    return agent;
  };
  return async (address, init) => {
    const proxy = proxyFor(address, proxies);
    const dispatcher = proxy ? { dispatcher: agentOf(proxy) } : {};
    // The package's fetch and Node's are one program in two versions; only the names of their types differ.
    return (await fetchThrough(address, { ...init, ...dispatcher })) as unknown as Response;
  };
}
