// Drives the OpenAI-compatible API with OpenAI's own package and prints what it saw as one JSON object.
// usage: node client.js BASE_URL MODEL [KEY]
import OpenAI from "openai";

const [baseURL, model, apiKey = "none"] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "What is 38+47?" }];
const chat = { model, messages, temperature: 0, max_tokens: 60 };

/** The chunks of a streamed chat: text and reasons by choice, and the usage that came last. */
async function collect(stream) {
  const seen = { text: [], reasons: [], logprobs: [], usage: null };
  for await (const chunk of stream) {
    for (const { index, delta, finish_reason, logprobs } of chunk.choices) {
      seen.text[index] = (seen.text[index] ?? "") + (delta.content ?? "");
      if (finish_reason) seen.reasons[index] = finish_reason;
      seen.logprobs.push(...(logprobs?.content ?? []));
    }
    seen.usage = chunk.usage ?? seen.usage;
  }
  return seen;
}

/** How the package maps a refusal. */
async function refusal(ask, options) {
  try {
    await ask(options ? client.withOptions(options) : client);
    return null;
  } catch (error) {
    return { name: error.constructor.name, status: error.status, code: error.code, param: error.param, type: error.type };
  }
}

const whole = await client.chat.completions.create({ ...chat, logprobs: true, top_logprobs: 2 });
const streamed = await collect(await client.chat.completions.create({
  ...chat, logprobs: true, top_logprobs: 2, stream: true, stream_options: { include_usage: true },
}));
const sampled = { ...chat, temperature: 1, seed: 7, n: 3 };
const choices = await client.chat.completions.create(sampled);
const streamedChoices = await collect(await client.chat.completions.create({ ...sampled, stream: true }));
const stopped = await client.chat.completions.create({ ...chat, stop: ["5"] });
const echoed = await client.completions.create({ model, prompt: "Once upon a time there was", max_tokens: 0, echo: true, logprobs: 2 });
const several = await client.completions.create({ model, prompt: ["Once upon", "a time"], max_tokens: 4, temperature: 0, n: 2 });
const ids = await client.completions.create({ model, prompt: [1, 12, 375], max_tokens: 4, temperature: 0, logprobs: 0 });

console.log(JSON.stringify({
  models: (await client.models.list()).data.map((m) => m.id),
  model: (await client.models.retrieve(model)).id,
  whole, streamed, choices: choices.choices.map((c) => c.message.content), streamedChoices: streamedChoices.text,
  stopped: stopped.choices[0], echoed: echoed.choices[0], several: several.choices.map((c) => [c.index, c.text]), ids: ids.choices[0],
  refusals: {
    model: await refusal((c) => c.chat.completions.create({ ...chat, model: "gpt-4" })),
    temperature: await refusal((c) => c.chat.completions.create({ ...chat, temperature: -1 })),
    tools: await refusal((c) => c.chat.completions.create({ ...chat, tools: [{ type: "function", function: { name: "f" } }] })),
    length: await refusal((c) => c.chat.completions.create({ ...chat, max_tokens: 100000, stream: true })),
    key: await refusal((c) => c.models.list(), { apiKey: "wrong" }),
  },
}));
