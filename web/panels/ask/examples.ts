/** What the embedded model does well enough to be shown with; each holds when it is said in other words. */
export interface Example {
  readonly title: string;
  readonly prompt: string;
  readonly choices?: string;
}

export const examples: readonly Example[] = [
  {
    title: "Praise or blame",
    prompt: "Is this review positive or negative? A warm, funny film that I would gladly see again.",
  },
  {
    title: "Fact or opinion",
    prompt: "Is this a fact or an opinion? The acting is wonderful but the plot is thin.",
    choices: "fact\nopinion",
  },
  {
    title: "What kind of thing",
    prompt: "What kind of thing is described here? The river rises in the hills and flows north for 40 miles.",
  },
];
