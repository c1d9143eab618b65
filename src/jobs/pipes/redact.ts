/** What an orchestrator keeps for ever must not hold what opens a door. */

const secrets: readonly (readonly [RegExp, string])[] = [
  // user:password@ of connection strings
  [/\b([a-z][a-z0-9+.-]*:\/\/[^\s:/@]+):[^\s@/]+@/gi, "$1:***@"],
  // tokens by their makers' beginnings
  [/\b(hf_|ghp_|gho_|github_pat_|glpat-|sk-|xox[abp]-|AKIA|ASIA)[A-Za-z0-9_-]{8,}/g, "$1***"],
  [/\bBearer\s+[A-Za-z0-9._~+/-]{8,}=*/gi, "Bearer ***"],
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g, "***"],
  // names that say so
  [
    /\b((?:[\w-]*(?:secret|passw(?:or)?d|token(?!s|iz)|api[_-]?key|access[_-]?key)[\w-]*)["']?\s*[=:]\s*["']?)(?![\d.,]+(?:\s|$))[^\s"',;&]{4,}/gi,
    "$1***",
  ],
];

export const redacted = (text: string): string =>
  secrets.reduce((rest, [pattern, instead]) => rest.replace(pattern, instead), text);
