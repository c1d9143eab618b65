/** Everyday words by what they are: what the questions about ordinary things draw from. */

const list = (text) => text.split(",").map((word) => word.trim());

/** Kinds of things, each with its members; no word stands under two kinds. */
export const kindsOfThings = Object.fromEntries(
  Object.entries({
    "animal|animals":
      "dog,cat,horse,cow,pig,sheep,goat,lion,tiger,elephant,giraffe,monkey,bear,wolf,fox,rabbit,mouse,deer,camel,zebra,donkey,squirrel,kangaroo",
    "bird|birds": "eagle,sparrow,owl,duck,swan,pigeon,crow,robin,penguin,parrot,hen,goose,seagull,stork,woodpecker",
    "fish|fish": "salmon,trout,shark,tuna,herring,cod,carp,eel,goldfish,sardine",
    "insect|insects": "ant,bee,fly,mosquito,butterfly,beetle,wasp,moth,grasshopper,ladybird",
    "fruit|fruits":
      "apple,banana,pear,cherry,grape,lemon,peach,plum,strawberry,mango,melon,pineapple,raspberry,kiwi,apricot",
    "vegetable|vegetables":
      "carrot,potato,onion,cabbage,spinach,cucumber,broccoli,leek,pea,cauliflower,lettuce,beetroot,celery,pumpkin,radish",
    "drink|drinks": "water,milk,coffee,tea,juice,lemonade,beer,wine,cocoa,cider,cola,whisky",
    "dish|dishes": "soup,pizza,pancake,omelette,stew,salad,sandwich,curry,lasagne,pie,porridge,sushi",
    "tree|trees": "oak,birch,maple,pine,willow,beech,fir,elm,poplar,chestnut",
    "flower|flowers": "rose,tulip,daisy,lily,sunflower,violet,daffodil,orchid,poppy,carnation",
    "piece of clothing|clothes": "shirt,trousers,skirt,coat,hat,sock,glove,scarf,jacket,dress,shoe,sweater,belt,boot",
    "piece of furniture|furniture": "table,chair,sofa,bed,desk,wardrobe,shelf,stool,bench,armchair,cupboard,bookcase",
    "tool|tools": "hammer,saw,screwdriver,drill,axe,spanner,shovel,rake,pliers,chisel,file,wrench",
    "vehicle|vehicles": "car,bus,train,bicycle,lorry,motorcycle,tram,plane,ship,boat,helicopter,taxi,van,tractor",
    "musical instrument|musical instruments":
      "piano,violin,guitar,flute,drum,trumpet,harp,cello,clarinet,organ,saxophone",
    "colour|colours": "red,blue,green,yellow,black,white,brown,grey,purple,pink",
    "job|jobs":
      "teacher,doctor,nurse,baker,farmer,plumber,carpenter,lawyer,pilot,cook,tailor,butcher,firefighter,engineer,dentist,gardener,waiter,judge",
    "sport|sports":
      "football,tennis,swimming,basketball,hockey,boxing,skiing,rugby,cycling,rowing,volleyball,golf,athletics",
    "country|countries":
      "France,Germany,Italy,Spain,Japan,China,India,Brazil,Egypt,Canada,Mexico,Norway,Poland,Kenya,Peru,Greece,Sweden,Turkey",
    "city|cities":
      "Paris,London,Berlin,Rome,Madrid,Tokyo,Vienna,Moscow,Cairo,Oslo,Chicago,Boston,Sydney,Lisbon,Athens,Dublin",
    "language|languages":
      "English,French,German,Spanish,Italian,Russian,Japanese,Chinese,Arabic,Portuguese,Dutch,Polish",
    "part of the body|parts of the body":
      "hand,foot,head,arm,leg,nose,ear,eye,knee,shoulder,finger,elbow,neck,mouth,toe",
    "member of the family|members of the family":
      "mother,father,sister,brother,uncle,aunt,grandmother,grandfather,cousin,daughter,son,nephew,niece",
    "building|buildings":
      "house,school,church,hospital,museum,castle,factory,library,theatre,hotel,tower,barn,cathedral",
    "room|rooms": "kitchen,bathroom,bedroom,living room,cellar,attic,hall,office,classroom",
    "feeling|feelings": "joy,anger,fear,sadness,pride,shame,love,envy,boredom,surprise,hope,disgust",
    "illness|illnesses": "flu,cold,measles,fever,asthma,malaria,cancer,diabetes,pneumonia",
    "metal|metals": "iron,gold,silver,copper,lead,tin,zinc,steel,aluminium",
    "month|months": "January,February,March,April,June,July,August,September,October,November,December",
    "day of the week|days of the week": "Monday,Tuesday,Wednesday,Thursday,Friday,Saturday,Sunday",
    "season|seasons": "spring,summer,autumn,winter",
    "number|numbers": "three,seven,twelve,twenty,fifty,hundred,thousand,million,eleven,nine",
    "shape|shapes": "circle,square,triangle,rectangle,cube,sphere,cone,oval",
    "toy|toys": "doll,kite,teddy bear,puzzle,spinning top,marble,yo-yo,toy train",
    "planet|planets": "Mars,Venus,Jupiter,Saturn,Neptune,Uranus,Mercury",
    "thing in the kitchen|things in the kitchen": "spoon,fork,knife,plate,cup,pan,kettle,oven,fridge,bowl,toaster,jug",
    "school subject|school subjects": "mathematics,history,geography,biology,chemistry,physics,art,music",
    "kind of weather|weather": "rain,snow,fog,thunder,hail,sunshine,drizzle,frost,storm",
    "electrical device|electrical devices":
      "computer,telephone,television,radio,camera,printer,lamp,vacuum cleaner,washing machine,hairdryer",
    "body of water|bodies of water": "river,lake,sea,ocean,pond,stream,canal",
    "piece of jewellery|jewellery": "ring,necklace,bracelet,earring,brooch",
    "thing to read|things to read": "novel,newspaper,magazine,letter,poem,dictionary,diary,leaflet",
    "dairy product|dairy products": "cheese,butter,yoghurt,cream",
    "material|materials": "wood,glass,paper,plastic,leather,wool,cotton,stone,rubber",
    "reptile|reptiles": "snake,lizard,crocodile,turtle,gecko,chameleon",
  }).map(([kind, words]) => [kind, list(words)]),
);

/** Pairs that answer a question about ordinary things: {a} to {b}; `back` asks the other way round. */
export const relations = [
  {
    name: "opposite",
    asks: [
      "What is the opposite of {a}?",
      "Opposite of {a}:",
      "Which word means the opposite of {a}?",
      'Name the opposite of "{a}".',
      "The opposite of {a} is",
    ],
    both: true,
    pairs:
      "hot:cold,big:small,old:young,fast:slow,light:dark,rich:poor,hard:soft,wet:dry,full:empty,early:late,open:closed,loud:quiet,long:short,high:low,strong:weak,clean:dirty,heavy:light in weight,happy:sad,right:left,up:down,day:night,love:hate,begin:end,war:peace,true:false,good:bad,inside:outside,above:below,near:far,first:last,easy:difficult,cheap:expensive,thick:thin,wide:narrow,sharp:blunt,sweet:sour,front:back,win:lose,buy:sell,push:pull,arrive:leave,remember:forget,laugh:cry,awake:asleep,alive:dead,brave:cowardly,polite:rude,beautiful:ugly,deep:shallow,rough:smooth,tall:short in height,summer:winter,yes:no,always:never,more:less,friend:enemy,answer:question,borrow:lend,raise:lower,accept:refuse,noisy:silent",
  },
  {
    name: "colour",
    asks: [
      "What colour is {a}?",
      "What color is {a}?",
      "Which colour does {a} have?",
      "Colour of {a}:",
      "Tell me the colour of {a}.",
    ],
    pairs:
      "snow:white,grass:green,the sky on a clear day:blue,blood:red,coal:black,a lemon:yellow,milk:white,a carrot:orange,chocolate:brown,a ripe tomato:red,a banana:yellow,a crow:black,the sea:blue,a leaf in summer:green,salt:white,a strawberry:red,a frog:green,an elephant:grey,a polar bear:white,spinach:green,a fire engine:red,the sun:yellow,soot:black,an aubergine:purple,a flamingo:pink,honey:golden,a cucumber:green,ash:grey,a swan:white,wood:brown",
  },
  {
    name: "sound",
    asks: ["What sound does {a} make?", "What does {a} say?", "How does {a} sound?", "Which noise comes from {a}?"],
    pairs:
      "a dog:woof,a cat:meow,a cow:moo,a sheep:baa,a duck:quack,a pig:oink,a rooster:cock-a-doodle-doo,a snake:hiss,a lion:roar,a bee:buzz,a horse:neigh,a mouse:squeak,a wolf:howl,a clock:tick-tock,a crow:caw,an owl:hoot",
  },
  {
    name: "baby",
    asks: ["What is a young {a} called?", "What do you call a baby {a}?", "Name the young of a {a}.", "Young {a}:"],
    back: ["A {b} grows up to be what animal?", "Which animal does a {b} become?"],
    pairs:
      "dog:puppy,cat:kitten,cow:calf,horse:foal,sheep:lamb,pig:piglet,duck:duckling,goose:gosling,lion:cub,hen:chick,frog:tadpole,kangaroo:joey,goat:kid,swan:cygnet",
  },
  {
    name: "home",
    asks: ["Where does {a} live?", "Where would you find {a}?", "Home of {a}:", "Where do we look for {a}?"],
    pairs:
      "a fish:in water,a bird:in a nest,a bee:in a hive,a lion:in the savannah,a camel:in the desert,a polar bear:in the Arctic,a cow:on a farm,a penguin:in the Antarctic,a spider:in a web,a mole:under the ground,a king:in a palace,a monk:in a monastery,a shark:in the sea,a monkey:in the jungle,a prisoner:in a prison,a goldfish:in a bowl",
  },
  {
    name: "work",
    asks: [
      "Where does {a} work?",
      "What is the workplace of {a}?",
      "Place of work of {a}:",
      "Where do you meet {a} at work?",
    ],
    pairs:
      "a teacher:in a school,a nurse:in a hospital,a cook:in a kitchen,a farmer:on a farm,a pilot:in a plane,a sailor:on a ship,a librarian:in a library,a judge:in a court,a waiter:in a restaurant,a miner:in a mine,a baker:in a bakery,an actor:in a theatre,a priest:in a church,a mechanic:in a garage,a scientist:in a laboratory,a gardener:in a garden,a cashier:in a shop,an astronaut:in space,a clown:in a circus",
  },
  {
    name: "does",
    asks: [
      "What does {a} do?",
      "What is the job of {a}?",
      "What is {a} there for?",
      "Say in a few words what {a} does.",
    ],
    back: ["Who {b}?", "Name the job: somebody who {b}.", "What do you call a person who {b}?"],
    pairs:
      "a baker:bakes bread,a teacher:teaches children,a doctor:treats the sick,a firefighter:puts out fires,a pilot:flies planes,a farmer:grows food,a tailor:makes clothes,a barber:cuts hair,a painter:paints,a singer:sings,a judge:judges in court,a plumber:repairs pipes,a carpenter:works with wood,a cook:prepares meals,a butcher:sells meat,an author:writes books,a dentist:looks after teeth,a postman:brings the mail,a shepherd:looks after sheep,an optician:makes glasses,a cobbler:mends shoes,a translator:translates texts",
  },
  {
    name: "use",
    asks: [
      "What do you use {a} for?",
      "What is {a} for?",
      "What can you do with {a}?",
      "Use of {a}:",
      "Why would you take {a}?",
    ],
    back: [
      "What do you need to {b}?",
      "What do you use to {b}?",
      "Name a thing with which you can {b}.",
      "I want to {b}. What do I need?",
      "Which object helps you {b}?",
    ],
    pairs:
      "a knife:cut bread,a pen:write,a key:open a door,an umbrella:stay dry in the rain,a hammer:drive in nails,scissors:cut paper,a spoon:eat soup,a bed:sleep,a towel:dry your hands,a camera:take photos,a clock:tell the time,a broom:sweep the floor,a needle:sew,soap:wash your hands,a toothbrush:clean your teeth,a fridge:keep food cold,an oven:bake a cake,a lamp:light a room,a ladder:climb up,a map:find the way,a phone:call somebody,a comb:tidy your hair,glasses:see better,a ruler:measure a length,a scale:weigh something,a rope:tie something up,a bucket:carry water,a pillow:rest your head,a coat:keep warm,a bicycle:ride to school,a thermometer:measure the temperature,a saw:cut wood,a stove:cook,a helmet:protect your head,a wallet:carry money,a shovel:dig a hole,a match:light a candle,a mirror:see yourself,a calendar:look up the date,a dictionary:look up a word,a washing machine:wash clothes,a kettle:boil water,a vacuum cleaner:clean the carpet,an iron:smooth a shirt,a boat:cross a lake,a suitcase:pack for a journey,a stamp:send a letter,a net:catch fish,a telescope:look at the stars",
  },
  {
    name: "made",
    asks: [
      "What is {a} made of?",
      "What do you make {a} from?",
      "Which material is {a} made of?",
      "{a} is made of what?",
    ],
    pairs:
      "a window:glass,a sweater:wool,bread:flour,a tyre:rubber,a table:wood,a coin:metal,cheese:milk,a book:paper,wine:grapes,a candle:wax,a brick:clay,butter:milk,a snowman:snow,an omelette:eggs,a shoe:leather,chips:potatoes,a nail:iron,a T-shirt:cotton,juice:fruit,a pot:clay,jam:fruit,a sandcastle:sand,ice:water",
  },
  {
    name: "capital",
    asks: [
      "What is the capital of {a}?",
      "Capital of {a}:",
      "Which city is the capital of {a}?",
      "Name the capital of {a}.",
      "{a}'s capital is",
      "Tell me the capital of {a}.",
    ],
    back: ["{b} is the capital of which country?", "Which country has {b} as its capital?"],
    pairs:
      "France:Paris,Germany:Berlin,Italy:Rome,Spain:Madrid,England:London,Japan:Tokyo,China:Beijing,India:New Delhi,Russia:Moscow,Egypt:Cairo,Canada:Ottawa,Austria:Vienna,Greece:Athens,Portugal:Lisbon,Norway:Oslo,Sweden:Stockholm,Denmark:Copenhagen,Finland:Helsinki,Poland:Warsaw,Hungary:Budapest,Ireland:Dublin,Turkey:Ankara,Mexico:Mexico City,Peru:Lima,Cuba:Havana,Kenya:Nairobi,Belgium:Brussels,Australia:Canberra,Brazil:Brasília,Argentina:Buenos Aires,Iceland:Reykjavik,Thailand:Bangkok,Scotland:Edinburgh,the United States:Washington,Ukraine:Kyiv,South Korea:Seoul,Switzerland:Bern,Chile:Santiago,Morocco:Rabat",
  },
  {
    name: "speaks",
    asks: [
      "Which language do people speak in {a}?",
      "What language is spoken in {a}?",
      "Language of {a}:",
      "What do they speak in {a}?",
    ],
    pairs:
      "France:French,Germany:German,Italy:Italian,Spain:Spanish,England:English,Japan:Japanese,Russia:Russian,Egypt:Arabic,Portugal:Portuguese,Brazil:Portuguese,Mexico:Spanish,Austria:German,Poland:Polish,Greece:Greek,Sweden:Swedish,Norway:Norwegian,Turkey:Turkish,Australia:English,Hungary:Hungarian,the Netherlands:Dutch",
  },
  {
    name: "continent",
    asks: [
      "On which continent is {a}?",
      "Which continent is {a} in?",
      "Continent of {a}:",
      "Where in the world is {a}?",
    ],
    pairs:
      "France:Europe,Germany:Europe,Italy:Europe,Japan:Asia,China:Asia,India:Asia,Egypt:Africa,Kenya:Africa,Nigeria:Africa,Brazil:South America,Peru:South America,Chile:South America,Canada:North America,Mexico:North America,Spain:Europe,Norway:Europe,Thailand:Asia,Morocco:Africa,Argentina:South America,Poland:Europe,Vietnam:Asia",
  },
  {
    name: "next",
    asks: ["What comes after {a}?", "What follows {a}?", "After {a} comes", "Which comes next after {a}?"],
    back: ["What comes before {b}?", "What is just before {b}?"],
    pairs:
      "Monday:Tuesday,Tuesday:Wednesday,Wednesday:Thursday,Thursday:Friday,Friday:Saturday,Saturday:Sunday,Sunday:Monday,January:February,February:March,March:April,April:May,May:June,June:July,July:August,August:September,September:October,October:November,November:December,December:January,one:two,two:three,three:four,four:five,five:six,six:seven,seven:eight,eight:nine,nine:ten,spring:summer,summer:autumn,autumn:winter,winter:spring,breakfast:lunch,lunch:dinner,morning:afternoon,afternoon:evening,evening:night",
  },
  {
    name: "legs",
    asks: [
      "How many legs does {a} have?",
      "How many legs has {a}?",
      "Number of legs of {a}:",
      "Count the legs of {a}.",
    ],
    pairs:
      "a dog:four,a cat:four,a bird:two,a spider:eight,an ant:six,a fish:none,a person:two,a snake:none,a horse:four,a bee:six,a hen:two,a table:four,a cow:four,a fly:six",
  },
  {
    name: "how many",
    asks: ["How many {a} are there?", "How many {a}?", "What is the number of {a}?", "Give the number of {a}."],
    pairs:
      "days in a week:seven,months in a year:twelve,hours in a day:24,minutes in an hour:60,seconds in a minute:60,wheels on a car:four,wheels on a bicycle:two,fingers on a hand:five,seasons in a year:four,sides of a triangle:three,letters in the alphabet:26,eggs in a dozen:twelve,eyes of a person:two,corners of a square:four,players in a football team:eleven,weeks in a year:52,strings on a violin:four,days in a year:365,cents in a dollar:100,arms of an octopus:eight",
  },
  {
    name: "plural",
    asks: ["What is the plural of {a}?", "Plural of {a}:", "One {a}, two", 'Write "{a}" in the plural.'],
    pairs:
      "mouse:mice,child:children,foot:feet,man:men,woman:women,tooth:teeth,goose:geese,sheep:sheep,knife:knives,leaf:leaves,wolf:wolves,dog:dogs,city:cities,box:boxes,baby:babies,bus:buses,cat:cats,fish:fish,book:books,tomato:tomatoes",
  },
  {
    name: "past",
    asks: [
      "What is the past tense of {a}?",
      "Past tense of {a}:",
      "Today I {a}, yesterday I",
      'Put "{a}" in the past.',
    ],
    pairs:
      "go:went,see:saw,eat:ate,write:wrote,run:ran,take:took,give:gave,sing:sang,drink:drank,buy:bought,think:thought,come:came,sleep:slept,swim:swam,play:played,walk:walked,speak:spoke,know:knew,find:found,make:made,break:broke,fly:flew",
  },
  {
    name: "need",
    asks: [
      "What do you need when {a}?",
      "What should I take when {a}?",
      "What helps when {a}?",
      "When {a}, what do you want?",
    ],
    pairs:
      "it rains:an umbrella,it is cold:a coat,you are thirsty:water,you are hungry:food,you are tired:sleep,it is dark:a lamp,you are ill:a doctor,your hands are dirty:soap,there is a fire:the fire brigade,you have a toothache:a dentist,the sun is very bright:sunglasses,you are lost:a map,your hair is too long:a hairdresser,a tap is leaking:a plumber,you want to read:a book,you are sad:a friend,you want to pay:money,you cut your finger:a plaster",
  },
  {
    name: "sells",
    asks: [
      "Where do you buy {a}?",
      "Where can I get {a}?",
      "Which shop sells {a}?",
      "In what shop would you look for {a}?",
    ],
    pairs:
      "bread:at the bakery,meat:at the butcher's,medicine:at the pharmacy,books:at the bookshop,stamps:at the post office,flowers:at the florist's,petrol:at the filling station,shoes:at the shoe shop,fish:at the fishmonger's,train tickets:at the station,vegetables:at the market,glasses:at the optician's,a newspaper:at the kiosk",
  },
  {
    name: "group",
    asks: ["{a} is part of what?", "What does {a} belong to?", "Where do you find {a}?", "Of what is {a} a part?"],
    pairs:
      "a wheel:a car,a leaf:a tree,a page:a book,a finger:a hand,a roof:a house,a sail:a boat,a key:a keyboard,a petal:a flower,a string:a guitar,a wing:a bird,a toe:a foot,a chapter:a novel,a button:a shirt,an engine:a car,a player:a team,a soldier:an army,a room:a house,a star:the sky",
  },
].map(({ pairs, ...row }) => ({ ...row, pairs: list(pairs).map((pair) => pair.split(":")) }));

/** Things by size, weight, speed, heat or age, least first. */
export const scales = [
  {
    asks: [
      "Which is bigger, {or}?",
      "What is larger: {or}?",
      "Which of them is the bigger one, {or}?",
      "Is {or} bigger?",
    ],
    reverse: ["Which is smaller, {or}?", "What is the smaller thing: {or}?"],
    things: list("an ant,a mouse,a cat,a dog,a sheep,a cow,an elephant,a house,a mountain,the moon,the earth,the sun"),
  },
  {
    asks: ["Which is heavier, {or}?", "What weighs more, {or}?", "Which one is harder to lift, {or}?"],
    reverse: ["Which is lighter, {or}?", "What weighs less, {or}?"],
    things: list("a feather,a letter,an apple,a brick,a chair,a piano,a car,a lorry,a ship"),
  },
  {
    asks: ["Which is faster, {or}?", "What moves faster, {or}?", "Who wins a race, {or}?"],
    reverse: ["Which is slower, {or}?"],
    things: list("a snail,a turtle,a person walking,a bicycle,a horse,a car,a train,a plane,a rocket"),
  },
  {
    asks: ["Which is hotter, {or}?", "What is warmer, {or}?"],
    reverse: ["Which is colder, {or}?", "What is cooler, {or}?"],
    things: list("ice,cold water,a warm bath,boiling water,a fire,the sun"),
  },
  {
    asks: ["Who is older, {or}?", "Which person is older, {or}?"],
    reverse: ["Who is younger, {or}?"],
    things: list("a baby,a schoolchild,a student,a parent,a grandmother"),
  },
  {
    asks: ["Which takes longer, {or}?", "What lasts longer, {or}?"],
    reverse: ["Which is shorter, {or}?", "What passes more quickly, {or}?"],
    things: list("a second,a minute,an hour,a day,a week,a month,a year,a century"),
  },
  {
    asks: ["Which costs more, {or}?", "What is more expensive, {or}?"],
    reverse: ["Which is cheaper, {or}?", "What costs less, {or}?"],
    things: list("a match,a loaf of bread,a book,a bicycle,a car,a house,a castle"),
  },
];
