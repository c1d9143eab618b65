/** Which layer of a model a parameter lies in, by its name: what freezing and layer-wise rates go by. */

const numbered = [/(?:^|\.)(?:encoder\.layer|blocks)\.(\d+)\./, /(?:^|\.)stages\.(\d+)\./] as const;
/** timm's ResNet counts stages from 1. */
const counted = /^layer(\d+)\./;
const embeddings = /(?:^|\.)(?:embeddings|embedder|patch_embed|stem|cls_token|pos_embed)(?:\.|$)|^(?:conv1|bn1)\./;

/** 0 for the embeddings, 1 for the first layer or stage, …; above all of them for last norms and heads. */
export function layerOf(name: string): number {
  for (const pattern of numbered) {
    const [, number] = pattern.exec(name) ?? [];
    if (number !== undefined) return Number(number) + 1;
  }
  const [, stage] = counted.exec(name) ?? [];
  if (stage !== undefined) return Number(stage);
  return embeddings.test(name) ? 0 : Number.POSITIVE_INFINITY;
}

/** How many layers there are. */
export const depthOf = (names: readonly string[]): number =>
  names.map(layerOf).reduce((most, layer) => (Number.isFinite(layer) ? Math.max(most, layer) : most), 0);
