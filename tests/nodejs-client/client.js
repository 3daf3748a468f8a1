// A foreign client of pangu.v1: token ids in, log probabilities out, one stream cancelled half-way.
// Usage: node client.js HOST:PORT PROTO_FOLDER
// Prints one JSON object with what it saw; exits with 1 and a sentence on stderr when the server breaks the contract.
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const LIMIT_MS = 30_000;
const PROMPT = [1, 12, 375, 4040, 440, 322, 4008, 4047, 4052, 4043, 4046, 4054, 4057, 13, 12, 374, 4040];

function fail(sentence) {
  throw new Error(sentence);
}

function open(address, folder) {
  const options = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true, includeDirs: [folder] };
  const v1 = grpc.loadPackageDefinition(loader.loadSync(["pangu/v1/generation.proto", "pangu/v1/operator.proto"], options)).pangu.v1;
  const credentials = grpc.credentials.createInsecure();
  return { generation: new v1.Generation(address, credentials), operator: new v1.Operator(address, credentials) };
}

const deadline = () => new Date(Date.now() + LIMIT_MS);

/** Collects a stream's events; where `leave(event)` gives a promise, the call is cancelled when it resolves. */
function generate(client, request, leave = () => null) {
  return new Promise((resolve, reject) => {
    const events = [];
    let left = false;
    const call = client.generate(request, { deadline: deadline() });
    call.on("data", (event) => {
      events.push(event);
      const leaving = left ? null : leave(event);
      if (leaving) {
        left = true;
        leaving.then(() => call.cancel(), reject);
      }
    });
    call.on("end", () => resolve({ events, code: grpc.status.OK }));
    call.on("error", (error) => (left && error.code === grpc.status.CANCELLED ? resolve({ events, code: error.code }) : reject(error)));
  });
}

const ask = (client, method, request) =>
  new Promise((resolve, reject) =>
    client[method](request, { deadline: deadline() }, (error, answer) => (error ? reject(error) : resolve(answer))));

const cluster = (client) => ask(client, "GetCluster", {});
const tokenize = async (client, text) => (await ask(client, "Tokenize", { text })).token_ids;

const loads = (state) => state.nodes.map((node) => node.load).filter((load) => load !== null);
const busy = (state) => loads(state).some((load) => load.running > 0 && load.free_blocks < load.total_blocks);
const idle = (state) => loads(state).every((load) => load.running === 0 && load.waiting === 0 && load.free_blocks === load.total_blocks);

/** Asks until the condition holds: the server tells its load twice a second. */
async function until(client, condition, sentence) {
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    const state = await cluster(client);
    if (condition(state)) return state;
    if (Date.now() > end) fail(`${sentence}; last state: ${JSON.stringify(loads(state))}`);
    await new Promise((next) => setTimeout(next, 50));
  }
}

async function greedyWithLogprobs(client) {
  const request = { token_ids: { ids: PROMPT }, max_tokens: 16, sampling: { temperature: 0 }, logprobs: 3 };
  const { events } = await generate(client.generation, request);
  if (events[0].event !== "accepted") fail("the first event is not accepted");
  if (events[0].accepted.prompt_tokens !== PROMPT.length) fail("accepted.prompt_tokens is not the length of the prompt");
  const last = events.at(-1);
  if (last.event !== "finished" || last.finished.usage.generated_tokens !== events.length - 2) fail("finished does not count the tokens");
  const tokens = events.slice(1, -1).map((event) => event.token);
  tokens.forEach((token, i) => {
    if (token.index !== i) fail(`token ${i} has index ${token.index}`);
    if (!(token.logprob <= 0)) fail(`token ${i} has log probability ${token.logprob}`);
    if (token.top_logprobs.length !== 3) fail(`token ${i} has ${token.top_logprobs.length} alternatives`);
    if (token.top_logprobs[0].token_id !== token.token_id) fail(`token ${i} is not the most likely one, though greedy`);
    if (token.top_logprobs.some((top, j, all) => j > 0 && top.logprob > all[j - 1].logprob)) fail(`alternatives of token ${i} are out of order`);
  });
  return { ids: tokens.map((token) => token.token_id), text: tokens.map((token) => token.text).join("") + last.finished.text, reason: last.finished.reason };
}

async function cancelHalfWay(client) {
  const wanted = 1500;
  // Greedy stories of this model repeat themselves: this one would run to its last token.
  const ids = await tokenize(client.generation, "Once upon a time there was a little girl");
  const request = { token_ids: { ids }, max_tokens: wanted, sampling: { temperature: 0 } };
  const { events, code } = await generate(client.generation, request, (event) =>
    // The load is told twice a second: only a view that has seen the stream can show its end.
    event.token?.index === 20 ? until(client.operator, busy, "the server does not show the running sequence") : null);
  if (code !== grpc.status.CANCELLED) fail("the cancelled stream ran to its end");
  const received = events.filter((event) => event.event === "token").length;
  if (received >= wanted) fail("the cancelled stream sent every token");
  await until(client.operator, idle, "the server did not free the cancelled sequence");
  return received;
}

async function refused(client) {
  try {
    await generate(client.generation, { token_ids: { ids: [-1] } });
  } catch (error) {
    return { code: grpc.status[error.code], details: error.details };
  }
  return fail("token id -1 was accepted");
}

try {
  const [address, folder] = process.argv.slice(2);
  const client = open(address, folder);
  const greedy = await greedyWithLogprobs(client);
  const cancelledAfter = await cancelHalfWay(client);
  const refusal = await refused(client);
  const again = await greedyWithLogprobs(client);
  console.log(JSON.stringify({ greedy, cancelledAfter, refusal, again }));
  process.exit(0);
} catch (error) {
  console.error(`client.js: ${error.message}`);
  process.exit(1);
}
