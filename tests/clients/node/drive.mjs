// Drive one client in JavaScript: a job comes as JSON on stdin (see ../driving.py), one line of JSON leaves for each scene.
import { text } from "node:stream/consumers";

import { aiSdk } from "./ai_sdk.mjs";
import { openaiPackage } from "./openai_package.mjs";

const job = JSON.parse(await text(process.stdin));
const [family, kind] = job.client.split("/");
const client = { "ai-sdk": aiSdk, openai: openaiPackage }[family](kind, job);

for (const scene of job.scenes) {
  const line = { scene: scene.name };
  try {
    line.told = await client[scene.verb](scene.prompt, scene.model);
  } catch (error) {
    line.error = described(error);
  }
  console.log(JSON.stringify(line));
}

function described(error) {
  const { name, constructor, statusCode, status, message } = error;
  return { class: name === "Error" ? constructor.name : name, status: statusCode ?? status ?? null, message };
}
