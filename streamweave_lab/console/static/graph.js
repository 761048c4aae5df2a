// The drawing: nodes coloured by how busy or blocked they are, edges with how full they are.

import { h, mark, say, style, svg } from "./dom.js";
import { count, counted, percent, rate } from "./format.js";
import { curve, nodeOf, placed as placedIn, portOf } from "./layout.js";
import { sign, toneOf } from "./tones.js";

const [GAUGE, MARGIN] = [36, 8];

export function graphPanel(store, selection) {
  const { topology } = store;
  const placed = placedIn(topology);
  const rateOf = mainPorts(store);
  const edges = topology.edges.map((edge, i) => edgeView(store, edge, i, placed.routes[i]));
  const nodes = topology.nodes.map((node, i) => nodeView(store, node, i, placed.boxes[i], rateOf[i], selection));
  const drawing = svg(
    "svg",
    {
      class: "sw-drawing", viewBox: `${-MARGIN} ${-MARGIN} ${placed.width + 2 * MARGIN} ${placed.height + 2 * MARGIN}`, role: "group",
      style: `--sw-long:${placed.width + 2 * MARGIN}px`,
      "aria-label": `graph ${topology.graph}: ${counted(topology.nodes.length, "node")}, ${counted(topology.edges.length, "edge")}`,
    },
    ...edges.map((view) => view.element),
    ...nodes.map((view) => view.element),
  );
  const element = h("section", { class: "sw-panel sw-graph", "aria-label": "Graph" }, h("div", { class: "sw-paper" }, drawing), legend());
  const update = () => {
    for (const view of edges) view.update();
    for (const view of nodes) view.update();
  };
  return { element, update };
}

function legend() {
  const entry = (tone, word) => h("span", {}, sign(tone), word);
  return h(
    "p", { class: "sw-legend" },
    entry("ok", "up to 10 % busy"), entry("busy-low", "up to 50 %"), entry("busy-high", "more"),
    entry("blocked-high", "blocked: waits for room"), entry("paused", "paused"), entry("ended", "ended"), h("span", {}, "round on its left: a source, on its right: a sink"),
  );
}

// What a node is judged by: what a source or a step sends by its first output, what a sink receives.
function mainPorts(store) {
  return store.topology.nodes.map((node, index) => {
    const way = node.role === "sink" ? "in" : "out";
    const regular = (port) => port.node === index && port.way === way && port.name !== "error" && port.name !== "late";
    return store.ports.flatMap((port, i) => (regular(port) ? [i] : []));
  });
}

function cut(text) {
  return text.length <= 26 ? text : `${text.slice(0, 13)}…${text.slice(-12)}`;
}

function nodeView(store, node, index, box, ports, selection) {
  const [left, right] = [node.role === "source" ? 20 : 12, box.width - (node.role === "sink" ? 18 : 11)];
  const [name, kind] = [svg("text", { class: "sw-name", x: left, y: 20 }), svg("text", { class: "sw-kind", x: left, y: 34 })];
  const speed = svg("text", { class: "sw-speed", x: left, y: 51 });
  const word = svg("text", { class: "sw-word", x: right, y: 51, "text-anchor": "end" });
  say(name, cut(node.name));
  say(kind, cut(node.kind));
  const [busy, blocked] = [svg("rect", { class: "sw-busy", height: 3 }), svg("rect", { class: "sw-blocked", height: 3 })];
  const long = right - left;
  const meter = svg("g", { transform: `translate(${left} ${box.height - 8})` }, svg("rect", { class: "sw-track", width: long, height: 3, rx: 1.5 }), busy, blocked);
  const mood = sign();
  mood.setAttribute("x", right - 12);
  mood.setAttribute("y", 10);
  const title = svg("title");
  const element = svg(
    "g", { class: "sw-node", "data-role": node.role, transform: `translate(${box.x} ${box.y})`, tabindex: 0, role: "button" },
    title, svg("path", { class: "sw-card", d: outline(node.role, box) }), name, kind, speed, word, mood, meter,
  );
  const select = () => selection.toggle(index);
  element.addEventListener("click", select);
  element.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") event.preventDefault(), event.stopPropagation(), select();
  });
  const update = () => {
    const seen = store.node(index);
    const { tone, word: said } = toneOf(seen);
    const now = ports.reduce((sum, port) => sum + store.rate(port), 0);
    const all = ports.reduce((sum, port) => sum + (store.last?.items[port] ?? 0), 0);
    mark(element, "data-tone", tone);
    mark(element, "aria-pressed", String(selection.has(index)));
    mood.turn(tone);
    say(speed, store.over ? `${count(all)}` : `${rate(now)}/s`);
    say(word, said);
    style(busy, "width", `${(long * seen.busy).toFixed(1)}px`);
    style(blocked, "width", `${(long * seen.blocked).toFixed(1)}px`);
    mark(blocked, "x", (long * seen.busy).toFixed(1));
    say(title, `${node.name}, ${node.kind}: ${said}; ${percent(seen.busy)} busy, ${percent(seen.blocked)} blocked, ${count(all)} items`);
    mark(element, "aria-label", `${node.name}, a ${node.role}: ${said}`);
  };
  return { element, update };
}

// As in the static drawing: a source is round on its left, a sink on its right.
function outline(role, { width, height }) {
  const [left, right] = [role === "source" ? 26 : 8, role === "sink" ? 26 : 8];
  return (
    `M${left} 0H${width - right}a${right} ${right} 0 0 1 ${right} ${right}V${height - right}a${right} ${right} 0 0 1 ${-right} ${right}` +
    `H${left}a${left} ${left} 0 0 1 ${-left} ${-left}V${left}a${left} ${left} 0 0 1 ${left} ${-left}z`
  );
}

function edgeView(store, edge, index, route) {
  const port = portOf(edge.source);
  const kind = port === "error" || port === "late" ? port : "usual";
  const end = route[route.length - 1];
  const line = curve([...route.slice(0, -1), { x: end.x - 6, y: end.y }]);
  const fill = svg("rect", { class: "sw-fill", height: 5, rx: 2.5 });
  const middle = levelOf(route);
  const waiting = svg("text", { class: "sw-queued", x: GAUGE / 2, y: -5, "text-anchor": "middle" });
  const gauge = svg("g", { class: "sw-gauge", transform: `translate(${middle.x - GAUGE / 2} ${middle.y - 2.5})` }, svg("rect", { class: "sw-tube", x: -3, y: -3, width: GAUGE + 6, height: 11, rx: 5.5 }), svg("rect", { class: "sw-track", width: GAUGE, height: 5, rx: 2.5 }), fill, waiting);
  const title = svg("title");
  const element = svg(
    "g", { class: "sw-edge", "data-kind": kind }, title,
    svg("path", { class: "sw-line", d: line }), svg("path", { class: "sw-head", d: `M${end.x} ${end.y}l-9 -4.5v9z` }),
    gauge, ...labels(port, portOf(edge.target), route, kind),
  );
  const update = () => {
    const queued = store.last?.queued[index] ?? 0;
    const share = Math.min(1, queued / edge.capacity);
    mark(element, "data-level", share > 0.9 ? "high" : share > 0.5 ? "low" : "ok");
    style(fill, "width", `${(share > 0 ? Math.max(share, 0.06) : 0) * GAUGE}px`);
    say(waiting, queued > 0 ? (queued < 1e4 ? count(queued) : rate(queued)) : "");
    say(title, `${edge.source} → ${edge.target}: ${count(queued)} of ${count(edge.capacity)} items wait`);
  };
  return { element, update };
}

// Where there is room for a gauge: in the middle of the last bend, which lies before the receiver.
function levelOf(route) {
  const [before, after] = [route[route.length - 3], route[route.length - 2]];
  return { x: (before.x + after.x) / 2, y: (before.y + after.y) / 2 };
}

function labels(out, into, route, kind) {
  const [first, last] = [route[0], route[route.length - 1]];
  const label = (text, x, y, anchor) => {
    const drawn = svg("text", { class: "sw-port", x, y: y + 4, "text-anchor": anchor, "data-kind": kind });
    say(drawn, text);
    return drawn;
  };
  return [out === "out" ? null : label(out, first.x + 5, first.y, "start"), into === "in" ? null : label(into, last.x - 14, last.y, "end")].filter(Boolean);
}

export function edgesOf(store, index) {
  const { name } = store.topology.nodes[index];
  return store.topology.edges.flatMap((edge, i) => (nodeOf(edge.source) === name || nodeOf(edge.target) === name ? [i] : []));
}
