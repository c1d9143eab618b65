/** Rewards of answers, by a model that was trained to give them. */
import { fail, ZerothError } from "../../errors.ts";
import { fingerprintOf } from "../../text/adapters/files-node.ts";
import type { Scorer } from "../../text/best-of.ts";
import { type OpenedEncoder, type OpenOptions, openEncoder } from "../../text/open-node.ts";
import { readAbout } from "./about-node.ts";
import { rewardReader } from "./encode.ts";

export interface RewardModel extends Scorer, AsyncDisposable {
  readonly opened: OpenedEncoder;
  /** Inputs of which only the beginning was read. */
  cut(): number;
}

/** Texts of one run of the model. */
const together = 16;

/**
 * Any classifier of texts with one label is a reward model: higher is better.
 * @throws what opening a model throws; bad_input for another number of labels
 */
export async function openReward(name: string, options: OpenOptions = {}): Promise<RewardModel> {
  const opened = await openEncoder(name, options);
  try {
    return await rewardOf(opened, name);
  } catch (error) {
    await opened[Symbol.asyncDispose]();
    throw error;
  }
}

/** The same over a model that is open, which is closed with it. @throws bad_input for another number of labels */
export async function rewardOf(opened: OpenedEncoder, name: string): Promise<RewardModel> {
  const { architecture, model, folder, tokenizer, encoder } = opened;
  const labels = encoder.labels.length;
  if (encoder.head !== "sequence" || labels !== 1 || !model.answer) {
    return fail(
      "bad_input",
      `is no reward model: it ${labels === 0 ? "has no head for texts" : `tells ${labels} classes`}`,
      {
        where: name,
        hint: "a reward model has one label; zeroth prefer reward trains one",
      },
    );
  }
  const about = readAbout(folder.path);
  const longest = Math.min(about?.max_length ?? 512, architecture.longest ?? Infinity);
  const reader = rewardReader(tokenizer, architecture, longest);
  const { shift = 0 } = about ?? {};
  const answer = model.answer.bind(model);
  return {
    opened,
    identity: { kind: "reward", family: architecture.type, fingerprint: fingerprintOf(folder), longest, shift },
    cut: () => reader.cut(),
    async score(text, answers) {
      const rewards: number[] = [];
      for (let at = 0; at < answers.length; at += together) {
        const texts = answers.slice(at, at + together).map((one) => reader.encode(text, one));
        const { scores } = await answer(texts);
        rewards.push(...Array.from(scores.data as Float32Array, (reward) => reward - shift));
      }
      const bad = rewards.findIndex((reward) => !Number.isFinite(reward));
      if (bad >= 0)
        throw new ZerothError("bad_input", `the reward of answer ${bad + 1} is ${rewards[bad]}`, { where: name });
      return rewards;
    },
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}
