// The ports: how fast now and in the last two minutes, how much altogether.

import { h, mark, panel, say, show, table } from "./dom.js";
import { count, rate } from "./format.js";
import { sparkline } from "./sparkline.js";

export function portsPanel(store, selection) {
  const { element, body } = table(
    [["Node"], ["Port"], ["Items/s", "sw-number"], ["Last 2 min"], ["Items", "sw-number"], ["Errors", "sw-number", "items this node refused"], ["Late", "sw-number", "items that came behind the frontier"]],
    "Ports",
  );
  const wired = new Set(store.topology.edges.flatMap((edge) => [edge.source, edge.target]));
  const rows = store.ports.map((port, index) => rowOf(store, port, index, selection, wired.has(port.label)));
  body.append(...rows.map((row) => row.element));
  return { element: panel("Ports", element), update: () => rows.forEach((row) => row.update()) };
}

// A port that no edge leaves is shown once something has come out of it.
function rowOf(store, port, index, selection, wired) {
  const node = store.topology.nodes[port.node];
  const first = store.ports[index - 1]?.node !== port.node;
  const spark = sparkline(`items a second at ${port.label} over two minutes`);
  const [now, total, errors, late] = [0, 0, 0, 0].map(() => h("td", { class: "sw-number" }));
  const name = h("th", { scope: "row", title: node.kind }, first ? node.name : h("span", { class: "sw-unseen" }, node.name));
  const element = h(
    "tr", { class: first ? "sw-first" : "", "data-way": port.way },
    name, h("td", { class: "sw-portname" }, h("span", { "aria-hidden": "true" }, port.way === "in" ? "→ " : ""), port.name, h("span", { "aria-hidden": "true" }, port.way === "out" ? " →" : "")),
    now, h("td", { class: "sw-sparkcell", "data-kind": port.name }, spark.element), total, errors, late,
  );
  element.addEventListener("click", () => selection.toggle(port.node));
  let drawnAt = 0;
  const update = () => {
    const items = store.last?.items[index] ?? 0;
    say(now, store.over ? "–" : rate(store.rate(index)));
    say(total, count(items));
    show(element, wired || items > 0);
    mark(element, "data-quiet", items === 0);
    mark(element, "data-selected", selection.has(port.node));
    if (first) alarm(errors, store.last?.errors[port.node]), alarm(late, store.last?.late[port.node]);
    const newest = store.times[store.times.length - 1];
    if (newest !== drawnAt) spark.update(store.times, store.rates[index]), (drawnAt = newest);
  };
  return { element, update };
}

function alarm(cell, number = 0) {
  say(cell, number ? count(number) : "–");
  mark(cell, "data-some", number > 0);
}
