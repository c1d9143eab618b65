/** Results to try it with. They are made up, by a formula, and say so. */

/** The fraction of a sine that no one calls round: spread without a die. */
const spread = (i: number): number => Math.abs(Math.sin(12.9898 * i) * 43758.5453) % 1;

/** Twelve trainings, two checkpoints each, tried on a task with 5 and 25 examples of a class. */
export function transferExample(): string {
  const lines = Array.from({ length: 24 }, (_, i) => {
    const us = 0.12 + 0.03 * i;
    return [5, 25].map((shots, k) => {
      const [scale, power, rest] = shots === 5 ? [0.6, 1.7, 0.24] : [0.5, 2.2, 0.12];
      const ds = 1 - (scale! * (1 - us) ** power! + rest!) - 0.04 * spread(2 * i + k);
      return `run${Math.floor(i / 2)},${us.toFixed(3)},${shots},${ds.toFixed(3)}`;
    });
  });
  return `run,upstream,shots,birds\n${lines.flat().join("\n")}\n`;
}

/** Two sizes, four numbers of labels, three seeds. */
export function worthExample(): string {
  const lines = ["7M", "60M"].flatMap((size, s) =>
    [32, 128, 512, 2048].flatMap((labels, n) =>
      [0, 1, 2].map((seed) => {
        const score = 0.52 + n * (s === 0 ? 0.06 : 0.1) + 0.02 * spread(12 * s + 3 * n + seed + 1);
        return `${size},${labels},${seed},${score.toFixed(3)}`;
      }),
    ),
  );
  return `parameters,labels,seed,accuracy\n${lines.join("\n")}\n`;
}
