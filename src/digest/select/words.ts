/** Words of English that say nothing of a paper's subject: left out before pairs of words are made. */
export const functionWords: ReadonlySet<string> = new Set(
  (
    "a about above across after afterwards again against all almost alone along already also although always am among " +
    "amongst an and another any anyhow anyone anything anyway anywhere are around as at back be became because become " +
    "becomes becoming been before beforehand behind being below beside besides between beyond both bottom but by can " +
    "cannot could describe do done down due during each eg either else elsewhere enough etc even ever every everyone " +
    "everything everywhere except few find first for former formerly from full further get give go had has have he " +
    "hence her here hereafter hereby herein hers herself him himself his how however ie if in indeed into is it its " +
    "itself keep last latter latterly least less made many may me meanwhile might mine more moreover most mostly move " +
    "much must my myself namely neither never nevertheless next no nobody none nor not nothing now nowhere of off often " +
    "on once one only onto or other others otherwise our ours ourselves out over own part per perhaps put rather re " +
    "same see seem seemed seeming seems several she should show side since so some somehow someone something sometime " +
    "sometimes somewhere still such system take than that the their them themselves then thence there thereafter " +
    "thereby therefore therein these they this those though three through throughout thus to together too top toward " +
    "towards two un under until up upon us very via was we well were what whatever when whence whenever where whereas " +
    "whereby wherein wherever whether which while who whoever whole whom whose why will with within without would yet " +
    "you your yours yourself yourselves"
  ).split(" "),
);
