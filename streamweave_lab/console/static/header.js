// The first look: is it well, how fast, where does it pinch, how far has it come.

import { h, mark, say, show, style } from "./dom.js";
import { about, count, counted, duration, eventTime, isDate, percent, rate } from "./format.js";
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
    h("div", { class: "sw-title" }, pill, h("h2", {}, store.topology.graph), facts), h("div", { class: "sw-deskrow" }, buttons, reasons),
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
    const { ending } = store.words;
    const shown = store.over ? ending?.sentence ?? "" : told.join(" · ");
    say(reasons, sentence(shown));
    mark(reasons, "data-tone", store.over && shown ? ending.tone : null);
    show(reasons, shown !== "" && !store.unheard() && !(store.gone && !store.over)); // why there is no news stands in the notice
  };
  return { element, update };
}

function sentence(text) {
  return text && text.charAt(0).toUpperCase() + text.slice(1);
}

function wellness(store) {
  const { gone, over, words: { state, ready, ending } } = store;
  if (gone && !over) return { tone: "ended", word: "Gone" };
  if (store.unheard()) return { tone: "lost", word: "No news" };
  if (over) return ending ?? { tone: "ended", word: state };
  if (ready) return { tone: "ok", word: "Ready" };
  return { tone: state === "paused" ? "paused" : "busy-low", word: "Not ready" };
}

function doingOf(store) {
  const { over, gone, words: { state, drain } } = store;
  if (over) return "";
  if (store.unheard() || gone) return `${state} when it was last heard of`;
  return state === "draining" && drain ? `draining: ${drain.phase}` : state;
}

function factsOf(store) {
  const before = doingOf(store) ? " · " : "";
  const { url, host } = store.topology;
  const parts = [`${before}${store.over ? "ran" : store.gone ? "had been up" : "up"} ${duration(store.uptime())}`, url ? `at ${url}` : HOSTS[host] ?? host];
  if (store.config) parts.push(`configuration version ${store.config.version}`);
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
  const tell = (figure, unitOf, noted) => (say(value, figure), say(unit, unitOf), say(note, noted));
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
    if (store.over) tell(rate(mean), "items/s on average", `${counted(total, "item")} in`);
    else tell(rate(sum((port) => store.rate(port))), "items/s", `${counted(total, "item")} in`);
    const newest = store.times[store.times.length - 1];
    if (newest === drawnAt) return;
    drawnAt = newest;
    spark.update(store.times, store.times.map((_, i) => sum((port) => store.rates[port][i])));
  };
  return { element, update };
}

// What the Status says; else the node that is slowest so far, as in run.explain(), or only the busiest: busy as at the nodes, which is to work.
function pinchTile(store) {
  const mood = sign();
  const { element, tell } = tile("Bottleneck");
  element.querySelector(".sw-figure").prepend(mood);
  const update = () => {
    const [said, paused, busiest] = [store.bottleneck(), store.words.state === "paused", store.busiest()];
    const slow = busiest.slow && !paused;
    mood.turn(said || slow ? "busy-high" : store.over ? "ended" : "ok");
    if (said) {
      const [name, why] = said.split(" is the bottleneck: ");
      const index = store.topology.nodes.findIndex((node) => node.name === name);
      tell(name, index < 0 ? "" : `${percent(store.share("busy", index))} busy`, (why ?? "").replace(/, where .*$/, "").replaceAll(" -> ", " → "));
    } else if (paused) tell("none", "", "nothing flows: paused");
    else if (slow) tell(busiest.name, `${percent(busiest.busy)} busy`, `the slowest so far${busiest.waits ? `: ${waiting(busiest.waits)} before it` : ""}`);
    else if (!(busiest.busy >= 0.005)) tell("none", "", store.over ? "nothing had to wait" : "all nodes wait for items");
    else tell("none", "", `busiest${store.over ? " in all that time" : ""}: ${busiest.name}, ${percent(busiest.busy)} busy`);
  };
  return { element, update };
}

function waiting(items) {
  return items === 1 ? "1 item waits" : `${count(items)} items wait`;
}

function frontierTile(store) {
  const { element, tell } = tile("Frontier");
  const label = element.querySelector(".sw-label");
  const update = () => {
    const frame = store.last;
    say(label, isDate(frame?.newest) ? "Frontier, UTC" : "Frontier");
    const known = frame && Number.isFinite(frame.frontier);
    if (!known) return tell("–", "", frame && Number.isFinite(frame.newest) ? "not yet at the sinks" : "items have no event time");
    const behind = Math.max(0, frame.newest - frame.frontier);
    const { holder } = store.words;
    const held = !store.over && holder ? `, held by ${holder}` : "";
    tell(eventTime(frame.frontier).replace(/:\d\d UTC$/, ""), "", behind > 0 ? `lag ${duration(behind)}${held}` : store.over ? "complete" : "up to the newest item");
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
    if (total === null) return tell(count(done), done === 1 ? "item" : "items", backlog === null ? (store.over ? "no more" : "without an end") : `${count(backlog)} wait outside`);
    const share = total ? Math.min(1, done / total) : 1;
    style(fill, "width", `${(share * 100).toFixed(2)}%`);
    const left = store.words.state === "running" && pace > 0 && done < total ? ` · ${about((total - done) / pace)} left` : "";
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
    mood.turn(dropped ? "failed" : errors ? "busy-low" : "ok");
    mark(element, "data-loud", dropped > 0);
    if (dropped) tell(count(dropped), "dropped", `${counted(errors, "error")} · ${count(late)} late`);
    else tell(count(errors), errors === 1 ? "error" : "errors", `${count(late)} late · 0 dropped`);
  };
  return { element, update };
}
