/**
 * A hundred everyday questions with their answers, written before the model that they judge was trained to its end, and
 * used for nothing else. `choices` are ranked by log-likelihood; without them the generated answer must be the expected one, but for
 * case, articles and a full stop.
 */
export const questions = [
  // Feelings and judgements
  {
    ask: 'My sister wrote: "The hotel was filthy and nobody answered the phone." Was she happy with it?',
    choices: ["yes", "no"],
    answer: "no",
  },
  {
    ask: '"Best pizza I have had in years, we will be back!" Good or bad review?',
    choices: ["good", "bad"],
    answer: "good",
  },
  {
    ask: "Does this customer sound satisfied or annoyed? The parcel came two weeks late and the box was torn.",
    choices: ["satisfied", "annoyed"],
    answer: "annoyed",
  },
  {
    ask: "Tell me whether this is positive or negative: I could not stop smiling during the whole concert.",
    choices: ["positive", "negative"],
    answer: "positive",
  },
  {
    ask: "The lecture dragged on and half of us fell asleep. Did the writer enjoy the lecture?",
    choices: ["yes", "no"],
    answer: "no",
  },
  {
    ask: 'Would the author recommend this book? "A waste of paper, I gave up after thirty pages."',
    choices: ["yes", "no"],
    answer: "no",
  },
  {
    ask: 'How many stars would you guess, one or five? "Wonderful staff, spotless rooms, superb breakfast."',
    choices: ["one", "five"],
    answer: "five",
  },
  {
    ask: "Anna burst into tears when her cat did not come home. Is Anna sad or proud?",
    choices: ["sad", "proud"],
    answer: "sad",
  },
  {
    ask: "Tom slammed the door and shouted at everyone. How does Tom feel: angry, calm or bored?",
    choices: ["angry", "calm", "bored"],
    answer: "angry",
  },
  {
    ask: "The children jumped up and down when they saw the presents. Were they excited or tired?",
    choices: ["excited", "tired"],
    answer: "excited",
  },
  {
    ask: 'Is the following remark friendly or rude? "Get out of my way, you idiot."',
    choices: ["friendly", "rude"],
    answer: "rude",
  },
  {
    ask: "He trembled as the footsteps came closer in the dark. Is he afraid or cheerful?",
    choices: ["afraid", "cheerful"],
    answer: "afraid",
  },
  {
    ask: "praise or complaint: This vacuum cleaner broke after one week and the shop refuses to help.",
    choices: ["praise", "complaint"],
    answer: "complaint",
  },
  {
    ask: "What is the mood of this sentence, happy or unhappy? Finally the sun is out and we are off to the beach!",
    choices: ["happy", "unhappy"],
    answer: "happy",
  },
  {
    ask: 'Does the speaker like the new manager? "She listens, she is fair, and the whole team trusts her."',
    choices: ["yes", "no"],
    answer: "yes",
  },
  { ask: '"An utterly boring film with terrible actors." Should I watch it?', choices: ["yes", "no"], answer: "no" },
  {
    ask: "Thumbs up or thumbs down? The soup was cold and the waiter ignored us.",
    choices: ["thumbs up", "thumbs down"],
    answer: "thumbs down",
  },
  {
    ask: 'Negative, or positive? "I love how light these shoes are."',
    choices: ["negative", "positive"],
    answer: "positive",
  },

  // Fact or opinion
  { ask: "Fact or opinion? The Danube flows through Vienna.", choices: ["fact", "opinion"], answer: "fact" },
  { ask: "Fact or opinion? Nothing tastes better than fresh bread.", choices: ["fact", "opinion"], answer: "opinion" },
  {
    ask: '"Our office opens at nine o\'clock." Is that a fact or an opinion?',
    choices: ["a fact", "an opinion"],
    answer: "a fact",
  },
  {
    ask: "Is this somebody's opinion? In my view, cats make far better pets than dogs.",
    choices: ["yes", "no"],
    answer: "yes",
  },
  {
    ask: "Is this sentence objective or subjective: The bridge is 200 metres long.",
    choices: ["objective", "subjective"],
    answer: "objective",
  },
  {
    ask: "Objective or subjective? That was the most beautiful garden on earth.",
    choices: ["objective", "subjective"],
    answer: "subjective",
  },
  { ask: "The train to Leeds takes two hours. Opinion or fact?", choices: ["opinion", "fact"], answer: "fact" },
  {
    ask: "Classify as fact or opinion: Everybody should learn to play an instrument.",
    choices: ["fact", "opinion"],
    answer: "opinion",
  },
  {
    ask: "Decide whether the statement is a fact or an opinion. Water boils at a lower temperature on high mountains.",
    choices: ["a fact", "an opinion"],
    answer: "a fact",
  },
  {
    ask: 'Is it a fact that "red is the prettiest colour", or an opinion?',
    choices: ["a fact", "an opinion"],
    answer: "an opinion",
  },
  { ask: "The shop sold 300 umbrellas in March. Is this a matter of taste?", choices: ["yes", "no"], answer: "no" },
  { ask: "Opinion or fact: Mondays are awful.", choices: ["opinion", "fact"], answer: "opinion" },

  // Subjects
  {
    ask: "Is this about sports, politics, business or technology? The goalkeeper saved two penalties in the final.",
    choices: ["sports", "politics", "business", "technology"],
    answer: "sports",
  },
  {
    ask: "Is this about sports, politics, business or technology? Parliament voted for the new tax law last night.",
    choices: ["sports", "politics", "business", "technology"],
    answer: "politics",
  },
  {
    ask: "Sports, politics, business or technology? The company's profits fell by a tenth this quarter.",
    choices: ["sports", "politics", "business", "technology"],
    answer: "business",
  },
  {
    ask: "Sports, politics, business or technology? The new phone has a faster chip and a better camera.",
    choices: ["sports", "politics", "business", "technology"],
    answer: "technology",
  },
  {
    ask: '"Add the onions and let them fry gently in butter." Is the topic cooking, travel or music?',
    choices: ["cooking", "travel", "music"],
    answer: "cooking",
  },
  {
    ask: '"The orchestra tuned its violins before the symphony." Is the topic cooking, travel or music?',
    choices: ["cooking", "travel", "music"],
    answer: "music",
  },
  {
    ask: "Which fits best, weather, health or money? Heavy rain and strong wind are expected tomorrow.",
    choices: ["weather", "health", "money"],
    answer: "weather",
  },
  {
    ask: "Which fits best, weather, health or money? The doctor told him to rest and take the tablets twice a day.",
    choices: ["weather", "health", "money"],
    answer: "health",
  },
  {
    ask: "Which fits best, weather, health or money? She put half of her salary into the savings account.",
    choices: ["weather", "health", "money"],
    answer: "money",
  },
  {
    ask: 'Pick the subject of this note: school, garden or car. "The roses need water and the grass must be cut."',
    choices: ["school", "garden", "car"],
    answer: "garden",
  },
  {
    ask: 'Pick the subject of this note: school, garden or car. "The brakes squeak and one tyre is flat."',
    choices: ["school", "garden", "car"],
    answer: "car",
  },
  {
    ask: "Our flight leaves at six and the hotel is near the station. Is this about travel or about animals?",
    choices: ["travel", "animals"],
    answer: "travel",
  },
  {
    ask: "The puppy chased the ducks around the pond. Is this about travel or about animals?",
    choices: ["travel", "animals"],
    answer: "animals",
  },
  {
    ask: "Does the following have to do with education? The teacher handed out the exam papers.",
    choices: ["yes", "no"],
    answer: "yes",
  },
  {
    ask: "Does the following have to do with football? The baker sold all of her rolls before eight.",
    choices: ["yes", "no"],
    answer: "no",
  },

  // What a question asks for
  {
    ask: '"Who painted the ceiling of that church?" Does this ask for a person, a place or a number?',
    choices: ["a person", "a place", "a number"],
    answer: "a person",
  },
  {
    ask: '"How many legs does a spider have?" Does this ask for a person, a place or a number?',
    choices: ["a person", "a place", "a number"],
    answer: "a number",
  },
  {
    ask: '"Where can I buy stamps?" Does this ask for a person, a place or a number?',
    choices: ["a person", "a place", "a number"],
    answer: "a place",
  },
  {
    ask: 'What would answer "When was the castle built?": a date or a name?',
    choices: ["a date", "a name"],
    answer: "a date",
  },
  {
    ask: 'What would answer "What is your sister called?": a date or a name?',
    choices: ["a date", "a name"],
    answer: "a name",
  },
  { ask: 'Does "Which city hosts the fair?" want a place as its answer?', choices: ["yes", "no"], answer: "yes" },
  { ask: 'Does "How tall is the tower?" want a person as its answer?', choices: ["yes", "no"], answer: "no" },
  {
    ask: 'Person, place, number or reason? "Why is the sky blue?"',
    choices: ["person", "place", "number", "reason"],
    answer: "reason",
  },

  // Requests
  {
    ask: '"Wake me at seven tomorrow." What is wanted: an alarm, a recipe or a taxi?',
    choices: ["an alarm", "a recipe", "a taxi"],
    answer: "an alarm",
  },
  {
    ask: '"How do I make pancakes?" What is wanted: an alarm, a recipe or a taxi?',
    choices: ["an alarm", "a recipe", "a taxi"],
    answer: "a recipe",
  },
  {
    ask: '"I need a ride to the airport." What is wanted: an alarm, a recipe or a taxi?',
    choices: ["an alarm", "a recipe", "a taxi"],
    answer: "a taxi",
  },
  {
    ask: "A customer writes: I forgot my password. Which desk should get it, accounts or deliveries?",
    choices: ["accounts", "deliveries"],
    answer: "accounts",
  },
  {
    ask: "A customer writes: My parcel has not arrived. Which desk should get it, accounts or deliveries?",
    choices: ["accounts", "deliveries"],
    answer: "deliveries",
  },
  { ask: '"How much money is left on my card?" Banking or travel?', choices: ["banking", "travel"], answer: "banking" },
  { ask: '"Book me a window seat to Rome." Banking or travel?', choices: ["banking", "travel"], answer: "travel" },
  {
    ask: '"Play some jazz." Is the request about music, the calendar or the weather?',
    choices: ["music", "the calendar", "the weather"],
    answer: "music",
  },
  {
    ask: '"Will I need an umbrella on Friday?" Is the request about music, the calendar or the weather?',
    choices: ["music", "the calendar", "the weather"],
    answer: "the weather",
  },
  {
    ask: '"Move my meeting to Thursday." Is the request about music, the calendar or the weather?',
    choices: ["music", "the calendar", "the weather"],
    answer: "the calendar",
  },
  {
    ask: "Is this a question or an order? Close the window, please.",
    choices: ["a question", "an order"],
    answer: "an order",
  },

  // Words and things
  { ask: "Is a carrot a vegetable or an animal?", choices: ["a vegetable", "an animal"], answer: "a vegetable" },
  {
    ask: "Which of these is a bird: hammer, sparrow, table?",
    choices: ["hammer", "sparrow", "table"],
    answer: "sparrow",
  },
  { ask: "Which one can you drink, milk or stone?", choices: ["milk", "stone"], answer: "milk" },
  { ask: "Which is larger, a mouse or a horse?", choices: ["a mouse", "a horse"], answer: "a horse" },
  { ask: "Is Paris a city or a river?", choices: ["a city", "a river"], answer: "a city" },
  { ask: "What is the opposite of hot: cold, loud or green?", choices: ["cold", "loud", "green"], answer: "cold" },
  { ask: "Is Tuesday a colour?", choices: ["yes", "no"], answer: "no" },
  {
    ask: "Which word does not name a fruit: apple, pear, chair?",
    choices: ["apple", "pear", "chair"],
    answer: "chair",
  },
  { ask: "Is a nurse a job or a tool?", choices: ["a job", "a tool"], answer: "a job" },
  { ask: "Which is colder, summer or winter?", choices: ["summer", "winter"], answer: "winter" },
  {
    ask: "Where would you find a fish, in the sea or in the oven of a car?",
    choices: ["in the sea", "in the oven of a car"],
    answer: "in the sea",
  },
  { ask: "Is a violin something to eat?", choices: ["yes", "no"], answer: "no" },

  // Spelling and sense
  { ask: 'Is this correct English? "She go to school every days."', choices: ["yes", "no"], answer: "no" },
  { ask: 'Is this correct English? "They have lived here for ten years."', choices: ["yes", "no"], answer: "yes" },
  {
    ask: 'Which sentence is right: "He is tall" or "He are tall"?',
    choices: ["He is tall", "He are tall"],
    answer: "He is tall",
  },

  // Yes or no about a text
  { ask: "Peter has a dog and two rabbits. Does Peter have a dog?", choices: ["yes", "no"], answer: "yes" },
  {
    ask: "The library is closed on Sundays. Can I borrow a book there on Sunday?",
    choices: ["yes", "no"],
    answer: "no",
  },
  {
    ask: "Maria moved from Lisbon to Oslo in May. Does Maria live in Lisbon now?",
    choices: ["yes", "no"],
    answer: "no",
  },
  {
    ask: "All the lights were off and the car was gone. Is it likely that somebody was at home?",
    choices: ["yes", "no"],
    answer: "no",
  },
  {
    ask: 'Is the restaurant expensive according to this? "You can eat there for a few coins."',
    choices: ["yes", "no"],
    answer: "no",
  },

  {
    ask: "We waited for two hours, but the doctor never came. Did they see the doctor?",
    choices: ["yes", "no"],
    answer: "no",
  },
  {
    ask: "Snow covered the fields and the lake was frozen. Was it a hot day or a cold day?",
    choices: ["a hot day", "a cold day"],
    answer: "a cold day",
  },
  { ask: "Ben is older than Tina. Who is younger, Ben or Tina?", choices: ["Ben", "Tina"], answer: "Tina" },

  // Answers in a passage
  { ask: "Lena works as a dentist in Graz. What is Lena's job?", answer: "dentist" },
  { ask: "Lena works as a dentist in Graz. Where does she work?", answer: "Graz" },
  { ask: "The museum opens at ten and closes at five. When does it open?", answer: "ten" },
  { ask: "On Friday Omar bought a blue bicycle. What did Omar buy?", answer: "blue bicycle" },
  { ask: "On Friday Omar bought a blue bicycle. What colour is the bicycle?", answer: "blue" },
  { ask: "Grandmother baked a cherry cake for the party. Who baked the cake?", answer: "grandmother" },
  { ask: "The ship sank near Iceland in 1903. In which year did the ship sink?", answer: "1903" },
  {
    ask: "Answer from the text. Text: Ravi is nine years old and his brother Arun is twelve. Question: How old is Arun?",
    answer: "twelve",
  },
  { ask: "My keys are in the kitchen and my wallet is in the hall. Where is my wallet?", answer: "hall" },
  {
    ask: "Read this: the bus to Bern leaves from platform four. From which platform does the bus leave?",
    answer: "four",
  },
  { ask: "Julia plays the harp, Karl plays the drums. Who plays the drums?", answer: "Karl" },
  { ask: "The parcel weighs three kilos and comes from Norway. Which country does it come from?", answer: "Norway" },
  { ask: "Repeat the last word: green, yellow, purple.", answer: "purple" },
];
