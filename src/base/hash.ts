/** FNV-1a of a text's UTF-16 units, 32 bits: what belongs to a name keeps its order and numbers when others join. */
export function nameHash(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
