/**
 * A book summarised by LangChain.js' map-reduce or LlamaIndex.TS' TreeSummarize, as their documentation has it.
 * node bench/peers/summarize.mjs langchain|llamaindex PEERS BOOK ENDPOINT MODEL CHUNK
 * Says {"summary","links"}: links are places of the book that the summary names.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [name, peers, book, url, model, chunk] = process.argv.slice(2);
const found = createRequire(join(peers, "x.js"));
const load = async (specifier) => import(pathToFileURL(found.resolve(specifier)).href);
const text = readFileSync(book, "utf8");

const contestants = {
  async langchain() {
    const [{ ChatOpenAI }, { RecursiveCharacterTextSplitter }, { loadSummarizationChain }] = await Promise.all([
      load("@langchain/openai"),
      load("@langchain/textsplitters"),
      load("@langchain/classic/chains"),
    ]);
    const llm = new ChatOpenAI({
      ...{ model, temperature: 0, maxTokens: 128, apiKey: "none", maxConcurrency: 8 },
      configuration: { baseURL: url },
    });
    const splitter = new RecursiveCharacterTextSplitter({ chunkSize: Number(chunk), chunkOverlap: 0 });
    const docs = await splitter.createDocuments([text]);
    const chain = loadSummarizationChain(llm, { type: "map_reduce" });
    const { text: summary } = await chain.invoke({ input_documents: docs });
    return { summary, links: 0 };
  },
  async llamaindex() {
    const [{ Document, SentenceSplitter, Settings, getResponseSynthesizer }, { OpenAI }] = await Promise.all([
      load("llamaindex"),
      load("@llamaindex/openai"),
    ]);
    Settings.llm = new OpenAI({
      ...{ model, temperature: 0, maxTokens: 128, apiKey: "none", contextWindow: 2048 },
      additionalSessionOptions: { baseURL: url },
    });
    // Characters to tokens as everywhere here.
    Settings.nodeParser = new SentenceSplitter({ chunkSize: Math.round(Number(chunk) / 4), chunkOverlap: 0 });
    const nodes = Settings.nodeParser.getNodesFromDocuments([new Document({ text })]);
    const synthesizer = getResponseSynthesizer("tree_summarize");
    const { message, sourceNodes = [] } = await synthesizer.synthesize({
      query: "Summarize the text.",
      nodes: nodes.map((node) => ({ node, score: 1 })),
    });
    const summary = typeof message.content === "string" ? message.content : JSON.stringify(message.content);
    const links = sourceNodes.filter(({ node }) => text.includes(node.text?.slice(0, 80) ?? "\u0000")).length;
    return { summary, links };
  },
};

console.log(JSON.stringify(await contestants[name]()));
