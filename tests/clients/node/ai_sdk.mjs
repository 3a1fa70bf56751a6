// Vercel's AI SDK, with each provider package that can be given another base URL.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogle } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateObject, generateText, isStepCount, streamText, tool } from "ai";
import { z } from "zod";

const PACKAGES = {
  chat: ({ url, key }) => createOpenAI({ baseURL: `${url}/v1`, apiKey: key }).chat,
  responses: ({ url, key }) => createOpenAI({ baseURL: `${url}/v1`, apiKey: key }).responses,
  compatible: ({ url, key }) =>
    createOpenAICompatible({
      name: "gearshift",
      baseURL: `${url}/v1`,
      apiKey: key,
      includeUsage: true,
      supportsStructuredOutputs: true,
    }),
  anthropic: ({ url, key }) => createAnthropic({ baseURL: `${url}/v1`, apiKey: key }),
  google: ({ url, key }) => createGoogle({ baseURL: `${url}/v1beta`, apiKey: key }),
};
const PERSON = z.object({ name: z.string(), born: z.number().int() });

export function aiSdk(kind, job) {
  const model = PACKAGES[kind](job);
  const asked = (prompt, name) => ({ model: model(name), prompt, maxRetries: 0, maxOutputTokens: 200 });
  const withTools = (prompt, name, calls) => ({
    ...asked(prompt, name),
    stopWhen: isStepCount(3),
    tools: {
      weather: tool({
        description: "Tell the weather of a city.",
        inputSchema: z.object({ city: z.string() }),
        execute: async (input) => {
          calls.push(["weather", input]);
          return job.weather;
        },
      }),
    },
  });
  return {
    async chat(prompt, name) {
      return summed(await generateText(asked(prompt, name)));
    },
    async stream(prompt, name) {
      return streamed(asked(prompt, name));
    },
    async tools(prompt, name) {
      const calls = [];
      return { ...summed(await generateText(withTools(prompt, name, calls))), calls };
    },
    async tools_streamed(prompt, name) {
      const calls = [];
      return { ...(await streamed(withTools(prompt, name, calls))), calls };
    },
    async object(prompt, name) {
      return (await generateObject({ ...asked(prompt, name), schema: PERSON })).object;
    },
    async image(prompt, name) {
      const image = { type: "file", mediaType: "image/png", data: job.image };
      const messages = [{ role: "user", content: [{ type: "text", text: prompt }, image] }];
      return summed(await generateText({ ...asked(undefined, name), messages }));
    },
  };
}

async function streamed(asked) {
  const result = streamText({ ...asked, onError: () => {} });
  let pieces = 0;
  for await (const part of result.stream) {
    if (part.type === "error") throw part.error;
    pieces += part.type === "text-delta";
  }
  const [text, finishReason, usage] = await Promise.all([result.text, result.finishReason, result.finalStep]);
  return { ...summed({ text, finishReason, usage: usage.usage }), pieces };
}

function summed({ text, finishReason, usage }) {
  return { text, finish: finishReason, tokens: [usage.inputTokens, usage.outputTokens] };
}
