/** Months in words. */
const names = "January February March April May June July August September October November December".split(" ");

/** `October 2018` of `2018-10`. */
export const monthNameOf = (month: string): string => `${names[Number(month.slice(5, 7)) - 1]} ${month.slice(0, 4)}`;
