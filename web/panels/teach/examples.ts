/** Rows of our own that a person can try with: messages to a bakery, and lines of a diary. */
export interface Example {
  readonly title: string;
  readonly says: string;
  /** A text that is in none of the rows, to try the result on. */
  readonly asks: string;
  readonly csv: string;
}

/** Texts of classes as CSV, the classes taking turns: whoever looks at the first rows sees each of them. */
function csvOf(classes: Readonly<Record<string, string>>): string {
  const lists = Object.entries(classes).map(([label, texts]) => [label, texts.trim().split("\n")] as const);
  const longest = Math.max(...lists.map(([, texts]) => texts.length));
  const rows = Array.from({ length: longest }, (_, i) =>
    lists.flatMap(([label, texts]) => (texts[i] === undefined ? [] : [`"${texts[i].trim()}",${label}`])),
  );
  return ["text,label", ...rows.flat()].join("\n");
}

export const examples: readonly Example[] = [
  {
    title: "Sort messages",
    says: "messages to a bakery: orders, praise, complaints",
    asks: "Please put two rye loaves aside, I will come by at noon.",
    csv: csvOf({
      order: `
        Please keep a rye loaf for me on Friday.
        I would like twelve plain rolls for Sunday morning.
        Can you bake a cake for eight people by Tuesday?
        Two baguettes and a seed loaf for tomorrow, please.
        We need thirty buns for a school party next week.
        Please add one apple tart to my order for Saturday.
        I want to order a birthday cake with lemon cream.
        Could you put aside four croissants until ten?
        One spelt loaf, cut in slices, for Monday please.
        May I order six pretzels for this evening?
        We would like forty small rolls delivered to the office.
        Please bake two trays of plum cake for our feast.
        I need a white loaf without salt on Thursday.
        Could I have ten cinnamon buns ready at noon?
        Reserve a dark loaf and two rolls for me, please.
        I would like to order a wedding cake for June.
        Three cheese sticks and a poppy roll for tomorrow.
        Please set aside the last walnut bread for me.
        We want five pizzas' worth of dough for Saturday.
        Could you deliver eight rolls every morning?`,
      praise: `
        The best rye bread I have eaten in years.
        Your new lemon tart is wonderful, thank you.
        We loved the cake, everybody asked where it came from.
        Such friendly people behind the counter, a joy to visit.
        The croissants were light and perfect this morning.
        What a lovely smell when one enters your shop.
        My children adore your cinnamon buns.
        Thank you for the beautiful birthday cake.
        The walnut bread is a delight, please never stop.
        A warm and charming bakery, I am always happy there.
        Delicious rolls and a smile every time.
        Your plum cake made our feast a great success.
        I am so pleased with the spelt loaf, it is superb.
        Excellent coffee and the finest pretzels in town.
        The wedding cake was gorgeous and tasted even better.
        Great bread, great service, we will come again.
        The seed loaf is marvellous with butter.
        You saved our party with those fantastic buns.
        Everything was fresh and tasty, well done.
        I enjoyed every crumb of the apple tart.`,
      complaint: `
        The rolls were hard as stone this morning.
        My cake was burnt on one side and still wet inside.
        I waited half an hour and nobody served me.
        There was a hair in the loaf, this is disgusting.
        You forgot the buns that we had paid for.
        The bread was mouldy after a single day.
        Your driver came two hours late and was rude.
        I was charged twice and want my money back.
        The croissants tasted of old fat, awful.
        The wrong name was written on the birthday cake.
        The tart was soggy and far too sweet.
        Nobody answers the telephone, this is annoying.
        The loaf was stale when I came home.
        The woman at the counter was unfriendly again.
        The pretzels were so salty that we threw them away.
        Half of the rolls were missing from the bag.
        The shop was closed although the sign said open.
        The plum cake had stones in it, I broke a tooth.
        The dough was raw, we could not eat it.
        Dirty tables and cold coffee, a sad visit.`,
    }),
  },
];
