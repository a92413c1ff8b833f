// The page of a room: ?name=ann&room=lobby in its address says who comes, and where to. The host serves it, and
// /client.js too.
import { connect } from "/client.js";

const byId = (id) => document.getElementById(id);
const address = new URLSearchParams(location.search);
const name = address.get("name");
const room = connect().Room(address.get("room") || "lobby", { params: { name } });

let last = null;      // the number of the last message that is shown; null: it is not known yet what there is

// What others have written goes into the page as text, never as HTML: textContent and append() see to that.
function show(message) {
  if (last !== null && message.number <= last) return;
  last = message.number;
  const who = document.createElement("b");
  who.textContent = message.name;
  const line = document.createElement("li");
  line.title = new Date(message.at * 1000).toLocaleString();
  line.append(who, " ", message.text);
  byId("messages").append(line);
  line.scrollIntoView();
}

function showPeople(people) {
  byId("people").textContent = people.join(", ");
}

function showStatus(text) {
  byId("status").textContent = text;
}

// Reads what was said after the last message that is shown. What is said meanwhile is among it.
async function catchUp() {
  let messages;
  do {
    messages = await room.messages_after(last);
    messages.forEach(show);
    last ??= 0;
  } while (messages.length > 0);
}

function enter() {
  byId("enter").hidden = true;
  byId("chat").hidden = false;

  room.on("people", showPeople);
  room.on("message", (message) => {
    if (message.number === last + 1) show(message);      // or else catchUp() is about to bring it
  });

  // The connection is open: for the first time, or again after it was lost. What was broadcast before is in the room's kv.
  room.onStatus(async ({ state, error }) => {
    showStatus(state === "open" ? "" : error?.message ?? "Connecting …");
    if (state !== "open") return;
    try {
      showPeople(await room.people());
      await catchUp();
    } catch (failure) {
      showStatus(failure.message);
    }
  });

  // With `idempotent` a message that has lost its answer is sent again, and still said once.
  byId("say").addEventListener("submit", async (event) => {
    event.preventDefault();
    const field = event.target.elements.text;
    const text = field.value;
    field.value = "";
    try {
      await room.with({ idempotent: true }).say(text);
    } catch (error) {
      field.value ||= text;
      showStatus(error.message);
    }
  });
}

if (name) enter();
