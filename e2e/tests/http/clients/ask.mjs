// Asks once: method and URL; the proxy is that of the environment.
import { createRequire } from "node:module";
const { EnvHttpProxyAgent, fetch } = createRequire(process.env.UNDICI + "/")("undici");
const [method, url] = process.argv.slice(2);
const response = await fetch(url, { method, dispatcher: new EnvHttpProxyAgent() });
console.log(`${response.status} ${response.statusText}`);
console.log(await response.text());
process.exit(response.ok ? 0 : 1);
