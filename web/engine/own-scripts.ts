/** Scripts and workers come from the page's own address alone, whatever in the page asks for one (Trusted Types). */

interface Policies {
  createPolicy(name: "default", rules: { createScriptURL(address: string): string }): unknown;
}

/** Where the policy of the page asks for trusted types, this is what makes an address one. */
export function onlyOwnScripts(): void {
  const { trustedTypes } = globalThis as { trustedTypes?: Policies };
  trustedTypes?.createPolicy("default", {
    createScriptURL(address) {
      if (new URL(address, location.href).origin === location.origin) return address;
      throw new TypeError(`a script from elsewhere: ${address}`);
    },
  });
}
