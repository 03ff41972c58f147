// The page of `junctor dev`: an ordinary client in a browser.
import { connect } from "/junctor-client.js";

const byId = (id) => document.getElementById(id);
const { realm, path } = document.body.dataset;
const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;

const program = (client) => `import { connect } from "${client}";

const session = await connect({ url: "${url}", realm: ${JSON.stringify(realm)} });
await session.subscribe("demo.clock", ({ args }) => console.log(...args));
console.log((await session.call("demo.add", [2, 3])).value);`;

byId("snippet").textContent = program("@junctor/client");
byId("page-snippet").textContent = `<script type="module">\n${program(`${location.origin}/junctor-client.js`)}\n</script>`;

function show(state, text) {
  byId("status").dataset.state = state;
  byId("status").textContent = text;
}

async function run() {
  const session = await connect({ url, realm });
  show("connected", `connected to realm ${session.realm} as ${session.authid}`);

  await session.subscribe("demo.clock", ({ args }) => {
    byId("clock").textContent = String(args[0]).slice(11, 19);
    const tick = document.createElement("li");
    tick.textContent = String(args[0]);
    byId("ticks").prepend(tick);
    while (byId("ticks").children.length > 5) byId("ticks").lastElementChild.remove();
  });

  byId("add").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const { value } = await session.call("demo.add", [byId("a").valueAsNumber, byId("b").valueAsNumber]);
      byId("sum").textContent = `= ${value}`;
    } catch (error) {
      byId("sum").textContent = error.message;
    }
  });

  const { reason } = await session.closed;
  show("closed", `the session has ended: ${reason}. Reload the page when the router is back.`);
}

run().catch((error) => show("closed", `${error.message}. Reload the page to try again.`));
