/** `/v1/ask`: a question answered from vector stores, each sentence with its citation. */
import { useStore } from "../../state/vectors/stores.ts";
import { answering, sentEvents, wholeAnswer } from "../answers/ask.ts";
import { answerSchema, askBody } from "../answers/schema.ts";
import { invalid } from "../errors.ts";
import { namedModel } from "../named.ts";
import { type Routes, route } from "../route.ts";
import { streamed } from "../sse.ts";
import { ofState } from "../stored/errors.ts";

export const ask: Routes = (server) => {
  const { state, vectors, engine } = server;
  if (state === undefined || vectors === undefined) return [];
  return [
    route({
      method: "post",
      path: "/v1/ask",
      summary: "A question answered from vector stores, each sentence with its place",
      body: askBody,
      answer: answerSchema,
      streams: true,
      asksModel: true,
      async handle({ body, asked }) {
        const stores = [];
        for (const [i, id] of [...new Set(body.vector_store_ids)].entries())
          stores.push(await ofState(useStore(state, asked.owner.owner, id), `vector_store_ids[${i}]`));
        const about = body.model ? await namedModel(engine, body.model, asked) : undefined;
        if (about && !about.can.includes("generate")) {
          invalid(
            "model",
            `'model': "${about.id}" writes no answers; without a model the answer is a sentence of the documents`,
            "unsupported_value",
          );
        }
        const events = answering({ engine, vectors }, stores, about, body, asked);
        return body.stream ? streamed(asked, server, sentEvents(events)) : wholeAnswer(events);
      },
    }),
  ];
};
