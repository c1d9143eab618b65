/** The formats of texts that are written, as patterns; they write a part of what a format allows. */
const offset = "(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)";
const time = `(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,6})?${offset}`;
// February has 28 days: which years have 29 is not looked at.
const day28 = "(?:0[1-9]|1\\d|2[0-8])";
const date = `[12]\\d{3}-(?:(?:0[1-9]|1[0-2])-${day28}|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)`;
const byte = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const label = "[a-z0-9]{1,20}(?:-[a-z0-9]{1,20}){0,2}";
const host = `${label}(?:\\.${label}){0,3}\\.[a-z]{2,12}`;

export const formats: Readonly<Record<string, string>> = {
  date: `^${date}$`,
  time: `^${time}$`,
  "date-time": `^${date}T${time}$`,
  duration: "^P(?:\\d{1,4}D|T(?:\\d{1,4}H)?\\d{1,4}M|T\\d{1,6}S|\\d{1,4}W)$",
  uuid: "^[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
  ipv4: `^${byte}(?:\\.${byte}){3}$`,
  email: `^[a-zA-Z0-9]{1,20}(?:[._+-][a-zA-Z0-9]{1,20}){0,3}@${host}$`,
  hostname: `^${host}$`,
  uri: `^https?://${host}(?::[1-9]\\d{1,3})?(?:/[a-zA-Z0-9._~-]{1,40}){0,8}/?$`,
};
