// OpenAI's own package: chat completions and Responses.
import OpenAI from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

const PERSON = z.object({ name: z.string(), born: z.number().int() });
const WEATHER = {
  name: "weather",
  description: "Tell the weather of a city.",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

export function openaiPackage(kind, job) {
  const client = new OpenAI({ baseURL: `${job.url}/v1`, apiKey: job.key, maxRetries: 0 });
  return { chat: chatCompletions, responses }[kind](client, job);
}

function chatCompletions(client, job) {
  const said = (told) => ({
    text: told.choices[0].message.content,
    finish: told.choices[0].finish_reason,
    tokens: [told.usage.prompt_tokens, told.usage.completion_tokens],
  });
  const tools = [{ type: "function", function: WEATHER }];
  const user = (content) => ({ role: "user", content });
  const stream = async (asked) => {
    const runner = client.chat.completions.stream({ ...asked, stream_options: { include_usage: true } });
    let pieces = 0;
    runner.on("content", () => (pieces += 1));
    return [await runner.finalChatCompletion(), pieces];
  };
  const loop = async (prompt, model, ask) => {
    const messages = [user(prompt)];
    const calls = [];
    for (;;) {
      const told = await ask({ model, messages, tools });
      const { message } = told.choices[0];
      if (!message.tool_calls?.length) return { ...said(told), calls };
      messages.push(message);
      for (const call of message.tool_calls) {
        calls.push([call.function.name, JSON.parse(call.function.arguments)]);
        messages.push({ role: "tool", tool_call_id: call.id, content: job.weather });
      }
    }
  };
  return {
    chat: async (prompt, model) =>
      said(await client.chat.completions.create({ model, messages: [user(prompt)], max_tokens: 200 })),
    async stream(prompt, model) {
      const [told, pieces] = await stream({ model, messages: [user(prompt)], max_tokens: 200 });
      return { ...said(told), pieces };
    },
    tools: (prompt, model) => loop(prompt, model, (asked) => client.chat.completions.create(asked)),
    tools_streamed: (prompt, model) => loop(prompt, model, async (asked) => (await stream(asked))[0]),
    async object(prompt, model) {
      const format = zodResponseFormat(PERSON, "person");
      const told = await client.chat.completions.parse({ model, messages: [user(prompt)], response_format: format });
      return told.choices[0].message.parsed;
    },
    async image(prompt, model) {
      const url = `data:image/png;base64,${job.image}`;
      const content = [{ type: "text", text: prompt }, { type: "image_url", image_url: { url } }];
      return said(await client.chat.completions.create({ model, messages: [user(content)] }));
    },
  };
}

function responses(client, job) {
  const said = (told) => ({
    text: told.output_text,
    finish: told.incomplete_details?.reason ?? told.status,
    tokens: [told.usage.input_tokens, told.usage.output_tokens],
  });
  const tools = [{ type: "function", strict: false, ...WEATHER }];
  const stream = async (asked) => {
    const events = client.responses.stream(asked);
    let pieces = 0;
    events.on("response.output_text.delta", () => (pieces += 1));
    return [await events.finalResponse(), pieces];
  };
  const loop = async (prompt, model, ask) => {
    const input = [{ role: "user", content: prompt }];
    const calls = [];
    for (;;) {
      const told = await ask({ model, input, tools, store: false });
      const wanted = told.output.filter((item) => item.type === "function_call");
      if (!wanted.length) return { ...said(told), calls };
      input.push(...told.output);
      for (const call of wanted) {
        calls.push([call.name, JSON.parse(call.arguments)]);
        input.push({ type: "function_call_output", call_id: call.call_id, output: job.weather });
      }
    }
  };
  return {
    chat: async (prompt, model) => said(await client.responses.create({ model, input: prompt, max_output_tokens: 200 })),
    async stream(prompt, model) {
      const [told, pieces] = await stream({ model, input: prompt, max_output_tokens: 200 });
      return { ...said(told), pieces };
    },
    tools: (prompt, model) => loop(prompt, model, (asked) => client.responses.create(asked)),
    tools_streamed: (prompt, model) => loop(prompt, model, async (asked) => (await stream(asked))[0]),
    async object(prompt, model) {
      const text = { format: zodTextFormat(PERSON, "person") };
      return (await client.responses.parse({ model, input: prompt, text })).output_parsed;
    },
    async image(prompt, model) {
      const image = { type: "input_image", detail: "auto", image_url: `data:image/png;base64,${job.image}` };
      const content = [{ type: "input_text", text: prompt }, image];
      return said(await client.responses.create({ model, input: [{ role: "user", content }] }));
    },
  };
}
