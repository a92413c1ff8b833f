// The page of a game: ?game=NAME in its address says of which one. It draws what the actor shows, and asks the actor for
// everything else: who may do what is decided there.
import { connect } from "/client.js";

const byId = (id) => document.getElementById(id);

// Who this page is: a text that nobody else knows. It is kept for as long as the tab is open, so that a page that is
// loaded again has its seat again.
sessionStorage.player ??= crypto.getRandomValues(new Uint32Array(4)).join("-");

const name = new URLSearchParams(location.search).get("game") ?? "first";
const game = connect().Game(name, { params: { player: sessionStorage.player } });

function newsOf({ you, turn, over, winner, here }) {
  if (over && winner) return winner === you ? "You have won" : `${winner} has won`;
  if (over) return "Nobody has won";
  if (!here.X || !here.O) return "Waiting for another player";
  return turn === you ? "It is your turn" : `It is the turn of ${turn}`;
}

function tell(error) {
  byId("news").textContent = error.message;
}

game.onStatus(({ state, error }) => {
  if (state !== "open") tell(error ?? { message: "Connecting …" });
});

const cells = Array.from({ length: 9 }, (_, i) => {
  const cell = document.createElement("button");
  cell.addEventListener("click", () => game.place(i + 1).catch(tell));
  byId("board").append(cell);
  return cell;
});

byId("again").addEventListener("click", () => game.again().catch(tell));

// The game as this page sees it: at first, whenever something has happened, and after each reconnect.
game.on("game", (view) => {
  const { you, board, over, here, watching } = view;
  cells.forEach((cell, i) => { cell.textContent = board[i]; });
  byId("news").textContent = newsOf(view);
  const players = ["X", "O"].filter((seat) => here[seat]).join(" ");
  byId("others").textContent = `${you ? `You are ${you}` : "You watch"}. Playing: ${players}, watching: ${watching}`;
  byId("again").hidden = !you || (!over && here.X && here.O);
});
