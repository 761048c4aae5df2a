// Backpressure: how full each edge is, how long its sender waits, and the bottleneck in words.

import { h, mark, panel, say, style, table } from "./dom.js";
import { count, percent } from "./format.js";
import { edgesOf } from "./graph.js";
import { band, sign } from "./tones.js";

const TONES = { OK: "ok", LOW: "blocked-low", HIGH: "blocked-high" };

export function pressurePanel(store, selection) {
  const sentence = h("p", { class: "sw-sentence" });
  const { element, body } = table(
    [["Edge"], ["Waiting", "sw-number", "items in the channel now"], ["Filled"], ["Sender blocked", "sw-right", "share of the last seconds in which the sender waited for room"], ["Peak", "sw-number"]],
    "Backpressure",
  );
  const rows = store.topology.edges.map((edge, index) => rowOf(store, edge, index));
  body.append(...rows.map((row) => row.element));
  const update = () => {
    const chosen = new Set([...selection.nodes].flatMap((node) => edgesOf(store, node)));
    say(sentence, bottleneckIn(store));
    rows.forEach((row, index) => row.update(chosen.has(index)));
  };
  return { element: panel("Backpressure", sentence, element), update };
}

export function bottleneckIn(store) {
  if (store.bottleneck()) return `${store.bottleneck().replaceAll(" -> ", " → ")}.`;
  if (store.over) return "The run is over: nothing waits.";
  const { name, slow } = store.busiest();
  return `Nothing waits for room${slow && store.words.state !== "paused" ? `; ${name} is the slowest so far` : ""}.`;
}

function rowOf(store, edge, index) {
  const [waiting, peak] = [h("td", { class: "sw-number" }), h("td", { class: "sw-number" })];
  const fill = h("span", { class: "sw-barfill" });
  const mood = sign();
  const share = h("span", { class: "sw-share" });
  const word = h("span", { class: "sw-band" });
  const element = h(
    "tr", {},
    h("th", { scope: "row", class: "sw-edgename", title: `${edge.source} → ${edge.target}` }, edge.source, h("span", { class: "sw-soft" }, " → "), edge.target),
    waiting, h("td", { class: "sw-barcell" }, h("span", { class: "sw-bar" }, fill)),
    h("td", { class: "sw-right" }, h("span", { class: "sw-banded" }, share, word, mood)), peak,
  );
  const update = (selected) => {
    const queued = store.last?.queued[index] ?? 0;
    const blocked = store.share("waited", index);
    const level = Math.min(1, queued / edge.capacity);
    say(waiting, count(queued));
    mark(waiting, "title", `${count(queued)} of ${count(edge.capacity)} items`);
    style(fill, "width", `${(level * 100).toFixed(1)}%`);
    mark(fill, "data-level", level > 0.9 ? "high" : level > 0.5 ? "low" : "ok");
    say(share, percent(blocked));
    say(word, band(blocked));
    mood.turn(TONES[band(blocked)]);
    say(peak, count(store.last?.peak[index] ?? 0));
    mark(element, "data-selected", selected);
  };
  return { element, update };
}
