/** Pictures that a server's models look at: the file is sent, its classes and where the model looked come back. */
import type { Look } from "../../src/images/open-web.ts";
import type { Caller } from "./request.ts";

interface Told {
  readonly data: readonly {
    readonly choices: readonly { readonly label: string; readonly share: number }[];
    readonly where: Look["where"] & { readonly region: Look["region"] };
  }[];
}

/** The file as a data URL. */
const coded = (file: Blob): Promise<string> =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });

export async function lookOnServer(server: Caller, model: string, file: Blob): Promise<Look> {
  const { data } = await server.post<Told>("v1/score", { model, image: await coded(file), where: true });
  const { choices, where } = data[0]!;
  const { region, ...looked } = where;
  const labels = choices.map(({ label, share }) => ({ label, score: share })).sort((a, b) => b.score - a.score);
  return { labels, region, where: looked };
}
