// The first look: is it well, how fast, where does it pinch, how far has it come.

import { h, mark, say, show, style } from "./dom.js";
import { about, count, duration, eventTime, percent, rate } from "./format.js";
import { nodeOf } from "./layout.js";
import { sparkline } from "./sparkline.js";
import { sign, toneOf } from "./tones.js";

const HOSTS = { loop: "on the kernel's loop", thread: "in a thread of its own", virtual: "in virtual time" };

export function header(store, buttons) {
  const mood = sign();
  const ready = h("span", {});
  const pill = h("span", { class: "sw-pill", role: "status", "aria-live": "polite" }, mood, ready);
  const [doing, rest] = [h("span", { role: "status", "aria-live": "polite" }), h("span", {})];
  const facts = h("span", { class: "sw-facts" }, doing, rest);
  const reasons = h("p", { class: "sw-reasons", role: "status", "aria-live": "polite" });
  const element = h(
    "header", { class: "sw-header" },
    h("div", { class: "sw-title" }, pill, h("h2", {}, store.topology.graph), facts), buttons, reasons,
  );
  const update = () => {
    const { state, reasons: why } = store.words;
    const { tone, word } = wellness(store);
    mark(pill, "data-tone", tone);
    mood.turn(tone);
    say(ready, word);
    say(doing, doingOf(store));
    say(rest, factsOf(store));
    const told = why.map((reason) => reason.replace(/^failed: /, "")).filter((reason) => !reason.startsWith(state)); // that is said above
    say(reasons, told.join(" · "));
    show(reasons, told.length > 0 && store.stale() === null); // why there is no news stands in the notice
  };
  return { element, update };
}

function wellness({ gone, over, words: { state, ready, stale } }) {
  if (gone && !over) return { tone: "ended", word: "Gone" };
  if (stale !== null && !over) return { tone: "lost", word: "No news" };
  if (state === "failed") return { tone: "failed", word: "Failed" };
  if (state === "stopped") return { tone: "ended", word: "Stopped" };
  if (ready) return { tone: "ok", word: "Ready" };
  return { tone: state === "paused" ? "paused" : "busy-low", word: "Not ready" };
}

function doingOf({ over, words: { state, drain, stale } }) {
  if (over) return drain?.complete ? "drained" : "";
  if (stale !== null) return `${state} when it was last heard of`;
  return state === "draining" && drain ? `draining: ${drain.phase}` : state;
}

function factsOf(store) {
  const { epoch } = store.words;
  const before = doingOf(store) ? " · " : "";
  const { url, host } = store.topology;
  const parts = [`${before}${store.over ? "ran" : "up"} ${duration(store.uptime())}`, url ? `at ${url}` : HOSTS[host] ?? host];
  if (store.config) parts.push(`configuration version ${store.config.version}`);
  if (epoch) parts.push(`epoch ${epoch}`);
  const { kept } = store.words;
  if (kept?.problem) parts.push("last checkpoint failed");
  else if (kept?.last) parts.push(`checkpoint ${kept.last}`);
  else if (kept?.from) parts.push(`from checkpoint ${kept.from}`);
  return parts.join(" · ");
}

export function tiles(store) {
  const all = [speedTile(store), pinchTile(store), frontierTile(store), inputTile(store), troubleTile(store)];
  const element = h("div", { class: "sw-tiles" }, ...all.map((tile) => tile.element));
  return { element, update: () => all.forEach((tile) => tile.update()) };
}

function tile(label, ...more) {
  const [value, unit, note] = [h("span", { class: "sw-big" }), h("span", { class: "sw-unit" }), h("div", { class: "sw-note" })];
  const element = h("div", { class: "sw-tile" }, h("div", { class: "sw-label" }, label), h("div", { class: "sw-figure" }, value, unit), ...more, note);
  const tell = (figure, unitOf, noted) => (say(value, figure), say(unit, unitOf), say(note, noted), mark(note, "title", noted));
  return { element, tell };
}

function speedTile(store) {
  const spark = sparkline("items a second into the graph over two minutes");
  const { element, tell } = tile("Throughput", h("div", { class: "sw-wide" }, spark.element));
  let drawnAt = 0;
  const update = () => {
    const sum = (values) => store.inflow.reduce((all, port) => all + values(port), 0);
    const total = sum((port) => store.last?.items[port] ?? 0);
    const mean = store.last?.uptime > 0 ? total / store.last.uptime : 0;
    if (store.over) tell(rate(mean), "items/s on average", `${count(total)} items in`);
    else tell(rate(sum((port) => store.rate(port))), "items/s", `${count(total)} items in`);
    const newest = store.times[store.times.length - 1];
    if (newest === drawnAt) return;
    drawnAt = newest;
    spark.update(store.times, store.times.map((_, i) => sum((port) => store.rates[port][i])));
  };
  return { element, update };
}

// A node that does not keep up: the one below a sender that waits. Without one, what takes most of the loop's time.
function pinchTile(store) {
  const mood = sign();
  const { element, tell } = tile("Bottleneck");
  element.querySelector(".sw-figure").prepend(mood);
  const update = () => {
    const seen = store.topology.nodes.map((node, index) => ({ name: node.name, ...store.node(index) }));
    const slow = slowest(store, seen);
    const busiest = seen.reduce((a, b) => (b.ran > a.ran ? b : a), seen[0]);
    const load = seen.reduce((sum, node) => sum + node.ran, 0);
    mood.turn(slow ? toneOf({ ...slow, blocked: 0, busy: Math.max(slow.busy, 0.11) }).tone : store.over ? "ended" : load > 0.8 ? "busy-low" : "ok");
    if (slow) tell(slow.name, `${percent(slow.busy)} busy`, `${slow.waiting} waits for room`);
    else if (store.words.state === "paused") tell("none", "", "nothing flows: paused");
    else if (!(busiest.ran >= 0.005)) tell("none", "", store.over ? "nothing had to wait" : "all nodes wait for items");
    else if (load > 0.8 && !store.over) tell(busiest.name, `${percent(busiest.ran)} of the loop`, "the loop has no time to spare");
    else tell("none", "", `busiest: ${busiest.name}, ${percent(busiest.ran)}`);
  };
  return { element, update };
}

// As the engine finds it: from an edge whose sender waits down to the first node that does not wait itself.
function slowest(store, seen) {
  if (store.over) return null;
  const { edges } = store.topology;
  const shares = edges.map((_, index) => store.share("waited", index));
  let edge = shares.findIndex((share) => share > 0.1);
  if (edge < 0) return null;
  for (let next = edge; next >= 0; next = edges.findIndex((below, i) => shares[i] > 0.1 && nodeOf(below.source) === nodeOf(edges[edge].target))) edge = next;
  return { ...seen.find((node) => node.name === nodeOf(edges[edge].target)), waiting: nodeOf(edges[edge].source) };
}

function frontierTile(store) {
  const { element, tell } = tile("Frontier");
  const update = () => {
    const frame = store.last;
    const known = frame && Number.isFinite(frame.frontier);
    if (!known) return tell("–", "", frame && Number.isFinite(frame.newest) ? "not yet at the sinks" : "items have no event time");
    const behind = Math.max(0, frame.newest - frame.frontier);
    const { holder } = store.words;
    const held = !store.over && holder ? `, held by ${holder}` : "";
    tell(eventTime(frame.frontier).replace(/:\d\d$/, ""), "", behind > 0 ? `lag ${duration(behind)}${held}` : store.over ? "complete" : "up to the newest item");
    mark(element, "title", `complete up to ${eventTime(frame.frontier)}`);
  };
  return { element, update };
}

function inputTile(store) {
  const fill = h("span", { class: "sw-barfill", "data-level": "ok" });
  const bar = h("div", { class: "sw-wide" }, h("span", { class: "sw-bar" }, fill));
  const { element, tell } = tile("Input", bar);
  const update = () => {
    const { done, total, backlog, pace } = inputOf(store);
    show(bar, total !== null);
    if (total === null) return tell(count(done), "items", backlog === null ? (store.over ? "no more" : "without an end") : `${count(backlog)} wait outside`);
    const share = total ? Math.min(1, done / total) : 1;
    style(fill, "width", `${(share * 100).toFixed(2)}%`);
    const left = !store.over && pace > 0 && done < total ? ` · ${about((total - done) / pace)} left` : "";
    tell(share > 0 && share < 0.0995 ? `${(share * 100).toFixed(1)}\u202f%` : percent(share), "", `${count(done)} of ${count(total)}${left}`);
  };
  return { element, update };
}

function inputOf(store) {
  const { last, topology } = store;
  const sources = topology.nodes.flatMap((node, index) => (node.role === "source" ? [index] : []));
  const totals = sources.map((index) => last?.total[index] ?? NaN);
  const backlogs = sources.map((index) => last?.backlog[index] ?? NaN).filter(Number.isFinite);
  const done = store.inflow.reduce((sum, port) => sum + (last?.items[port] ?? 0), 0);
  const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
  return {
    done,
    total: sources.length && totals.every(Number.isFinite) ? sum(totals) : null,
    backlog: backlogs.length ? sum(backlogs) : null,
    pace: store.pace(store.inflow),
  };
}

function troubleTile(store) {
  const mood = sign();
  const { element, tell } = tile("Refused items");
  element.querySelector(".sw-figure").prepend(mood);
  const update = () => {
    const sum = (numbers) => (numbers ? numbers.reduce((a, b) => a + b, 0) : 0);
    const [errors, late] = [sum(store.last?.errors), sum(store.last?.late)];
    const dropped = sum(store.last?.dropped) + sum(store.last?.lost); // on edges, and by nodes
    mood.turn(errors || dropped ? "busy-low" : "ok");
    tell(count(errors), errors === 1 ? "error" : "errors", `${count(late)} late · ${count(dropped)} dropped`);
  };
  return { element, update };
}
