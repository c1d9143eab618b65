/** Documents to try it with, written for this page. */

const bees = `# Keeping bees in a small garden

## Spring

Open the hive for the first time on a still day of fifteen degrees or more. Look for eggs: where there are eggs there is a queen, and you need not find her. A colony that has less than two combs of honey in March is fed with sugar dough, never with syrup, which chills it.

## Swarms

A colony swarms when it feels crowded. Cells at the lower edge of the comb, hanging like acorns, are the sign; cut them out every eight days or give the bees more room. A swarm in a tree is gentle, for it has nothing to defend. Spray it with water and knock it into a box with one blow.

## Harvest

Honey is ripe when two thirds of the comb are closed with wax. Taken earlier it holds more than eighteen percent of water and ferments in the jar. Leave each colony fifteen kilograms for the winter.
`;

const oven = `THE OVEN OF THE MILL HOUSE

The oven was built in 1911 from bricks of the old brewery. Its floor is of soapstone, its dome of fire clay, and between the two runs a flue that the plans do not show.

It is fired with beech for five hours. When the soot on the dome has burnt away and the bricks are white, the embers are raked out and the floor is wiped with a wet cloth. A handful of flour thrown in must turn brown, not black, while one counts to ten.

Loaves of two kilograms bake for an hour and ten minutes. After them come the flat cakes, after the cakes the plums, which dry over night with the door ajar.

The chimney is swept in May and in October. The key to its door hangs behind the clock in the hall.
`;

const ferry = `<!doctype html><html><head><title>The ferry of Arden</title></head><body><nav>Home | Timetable | Contact</nav><main>
<h1>The ferry of Arden</h1>
<p>The ferry crosses the river between Arden and Low Meadow from the first of April to the end of October. It carries forty people and six bicycles; dogs travel free.</p>
<h2>Timetable</h2>
<p>The first crossing is at half past six, the last at nine in the evening. On Sundays the ferry begins at eight. In fog it does not run: a red flag then hangs from the landing.</p>
<h2>Tickets</h2>
<p>A crossing costs two crowns, a card of ten costs fifteen. Children below seven pay nothing. Tickets are sold on board, for coins only.</p>
</main><footer>Harbour office</footer></body></html>
`;

export const example = {
  asks: "When is honey ripe?",
  files: [
    { name: "bees.md", text: bees },
    { name: "oven.txt", text: oven },
    { name: "ferry.html", text: ferry },
  ],
} as const;
