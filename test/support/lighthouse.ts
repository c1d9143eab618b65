/** A small book of five chapters, written for the tests and the pictures of the page. */

const chapters: readonly (readonly [heading: string, text: string])[] = [
  [
    "Chapter 1: The island",
    "Anna Moss came to Grey Island in the spring of 1871 with two trunks and a parrot in a cage. The boat that brought her turned back at once, because the wind was rising. She found the lighthouse locked and the key under a stone, as the letter had said.\n\nThe tower had ninety steps and smelled of oil. In the lamp room she read the names of eleven keepers, scratched into the brass. The last of them had written that the silence was worse than the storms.\n\nThat night she lit the lamp for the first time. It took her nine matches. A ship far out answered with a blue light, and she laughed aloud and did not know why.",
  ],
  [
    "Chapter 2: The winter",
    "In November the supply boat did not come. Anna counted the flour, the oil and the candles, and wrote the numbers on the kitchen wall. She had food for seven weeks and oil for five.\n\nSo she lit the lamp an hour later each evening, and slept in the day to save candles. The parrot learned to say the hour. On the fortieth day she burned the chairs.\n\nThe boat came on the forty-third day. Its captain, Josef Dale, had been told that nobody could be alive. He carried the sacks up the stairs himself and did not say a word until the lamp was filled.",
  ],
  [
    "Chapter 3: The storm",
    "In the autumn of her thirtieth year on the island a storm broke the great window. The wind put out the flame three times. Anna took the blanket from her bed and stood before the broken glass with it until morning.\n\nSeven ships passed in that night. One of them was the mail steamer with two hundred people. Its pilot wrote later that the light had flickered like a living thing, and had never gone out.\n\nAnna lost the feeling in two fingers. The company sent her a medal in a box that was too large for it.",
  ],
  [
    "Chapter 4: The engineer",
    "Peter Dale, the captain's son, came with a crate of copper wire. The company had sent him to put an electric light into the tower. Anna showed him every stair and every lens, and he wrote it all down.\n\nHe stayed for six weeks. In the evenings they played chess with pieces that she had carved from driftwood. She won all games but one, and he suspected her of having lost that one on purpose.\n\nWhen the new light burned, it needed nobody. It turned by itself, and the room was so bright that the names in the brass could not be read any more.",
  ],
  [
    "Chapter 5: The lamp",
    "Anna left the island in the boat that had brought her. She took the old lamp home in a basket, and the parrot, who was very old by then. Peter carried her trunks.\n\nShe lived for nine more years in a house by the harbour. Every evening she put the lamp into the window and lit it with one match. Children believed that ships could see it.\n\nOn the night when she died the electric light on Grey Island failed for an hour. The harbour master wrote in his book that all boats had come home safely all the same, because there had been a lamp in a window.",
  ],
];

export const lighthouse = `# The Lamp of Grey Island\n\n${chapters.map(([heading, text]) => `## ${heading}\n\n${text}`).join("\n\n")}\n`;
