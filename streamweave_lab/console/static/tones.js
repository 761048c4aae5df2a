// Flink's bands, for a node that is busy or held back: up to 10 % OK, up to 50 % LOW, above HIGH. Always a word and a shape beside the colour.

import { svg } from "./dom.js";
import { percent } from "./format.js";

export function band(share) {
  return share <= 0.1 ? "OK" : share <= 0.5 ? "LOW" : "HIGH";
}

export function toneOf({ state, busy, blocked, paused, over, cut, flows }) {
  if (state === "failed") return { tone: "failed", word: "failed" };
  if (over && cut) return { tone: "ended", word: "cut off" }; // the run ended before this node had
  if (state === "ended") return { tone: "ended", word: "ended" };
  if (paused) return { tone: "paused", word: "paused" };
  if (blocked > 0.1) return { tone: blocked > 0.5 ? "blocked-high" : "blocked-low", word: `${percent(blocked)} blocked` };
  if (busy > 0.1) return { tone: busy > 0.5 ? "busy-high" : "busy-low", word: `${percent(busy)} busy` };
  if (state === "blocked") return { tone: "ok", word: "blocked" };
  if (flows || busy >= 0.005) return { tone: "ok", word: `${percent(Math.max(busy, 1e-9))} busy` };
  return { tone: "ok", word: state === "busy" ? "waits its turn" : "idle" };
}

const SIGNS = {
  ok: "M2 6.5l2.6 2.6L10 3.4",
  "busy-low": "M2.5 7.5L6 4l3.5 3.5",
  "busy-high": "M2.5 6L6 2.5 9.5 6M2.5 10L6 6.5 9.5 10",
  "blocked-low": "M8.5 3v6M2 6h4",
  "blocked-high": "M9.5 1.5v9M6.5 1.5v9M1.5 6h3",
  paused: "M4 2.5v7M8 2.5v7",
  ended: "M3 3h6v6H3z",
  failed: "M3 3l6 6M9 3L3 9",
  short: "M6 1.8L11 10.4H1zM6 5v2.6",
  lost: "M3.8 4.2a2.2 2.2 0 1 1 3.2 2q-1 .5-1 1.4M6 9.6v.2",
};

export function sign(tone = "ok") {
  const path = svg("path", { d: SIGNS[tone] });
  const drawn = svg("svg", { class: "sw-sign", viewBox: "0 0 12 12", width: 12, height: 12, "aria-hidden": "true" }, path);
  drawn.turn = (to) => {
    if (drawn._tone === to) return;
    drawn._tone = to;
    path.setAttribute("d", SIGNS[to]);
    drawn.dataset.tone = to;
  };
  drawn.turn(tone);
  return drawn;
}
