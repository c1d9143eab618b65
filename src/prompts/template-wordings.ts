/** The templates of a promptsource file as wordings of a mixture. */

import { nameHash } from "../base/hash.ts";
import { randomAt } from "../base/rng.ts";
import { siteSeed } from "../graph/random.ts";
import { templateParts } from "./template.ts";
import type { ReadTemplates } from "./wording.ts";
import { parseTemplates } from "./yaml.ts";

/** T0 trains on results of exactly two parts: others, which a choice that holds `|||` may make, count as nothing. */
export const templateWordings: ReadTemplates = (yaml, where) =>
  parseTemplates(yaml, where).templates.map((template) => {
    const { originalTask } = template.metadata;
    return {
      name: template.name,
      ...(originalTask === undefined ? {} : { original: originalTask }),
      render(row, { seed, index }) {
        const { below } = randomAt(siteSeed(seed, nameHash(template.id), 0), index);
        const { parts, choices } = templateParts(template, row, { truncate: true, below });
        const [prompt, target, ...more] = parts;
        if (prompt === undefined || target === undefined || more.length > 0) return undefined;
        return { prompt, target, ...(choices ? { choices } : {}) };
      },
    };
  });
