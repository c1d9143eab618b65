/** Which host names lead into this machine or its own network. */

function isPrivateIpv4(host: string): boolean {
  const parts = host.split(".").map(Number);
  const [a = 0, b = 0] = parts;
  return (
    a === 0 ||
    a === 10 ||
    a === 127 ||
    (a === 100 && b >= 64 && b < 128) ||
    (a === 169 && b === 254) ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168)
  );
}

/**
 * Whether a host, as `URL.hostname` writes it (numbers normalised, IPv6 in brackets), is this machine, its own
 * network or its link. Names are not looked up.
 */
export function isPrivateHost(hostname: string): boolean {
  const host = hostname.toLowerCase().replace(/\.$/, "");
  if (host === "localhost" || host.endsWith(".localhost")) return true;
  if (/^\d+(\.\d+){3}$/.test(host)) return isPrivateIpv4(host);
  if (!host.startsWith("[")) return false;
  const inner = host.slice(1, -1);
  // An IPv4 address in IPv6's clothes: URL writes ::ffff:7f00:1.
  const mapped = /^::(?:ffff:)?([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(inner);
  if (mapped) {
    const [high, low] = [Number.parseInt(mapped[1]!, 16), Number.parseInt(mapped[2]!, 16)];
    return isPrivateIpv4([high >> 8, high & 255, low >> 8, low & 255].join("."));
  }
  return inner === "::" || inner === "::1" || /^f[cd]/.test(inner) || /^fe[89ab]/.test(inner);
}
