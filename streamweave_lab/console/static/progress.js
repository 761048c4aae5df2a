// Progress: how far event time has come at each node, who holds it back, and how much of the input is in.

import { h, mark, panel, say, show, style, table } from "./dom.js";
import { bareTime, count, duration, eventTime, isDate } from "./format.js";

export function progressPanel(store, selection) {
  const sentence = h("p", { class: "sw-sentence" });
  const { element, body } = table(
    [["Node"], ["Frontier", "sw-right", "event time up to which this node has seen everything"], ["Behind", "sw-right", "behind the newest item"], ["Kept", "sw-number", "items received and not yet finished: open windows, work in flight"]],
    "Progress",
  );
  const head = element.querySelectorAll("thead th")[1];
  const rows = store.topology.nodes.map((node, index) => rowOf(store, node, index, selection));
  body.append(...rows.map((row) => row.element));
  const update = () => {
    say(sentence, heldBy(store));
    say(head, isDate(store.last?.newest) ? "Frontier, UTC" : "Frontier");
    show(element, Number.isFinite(store.last?.newest) || Boolean(store.last?.held.some((n) => n > 0)));
    const most = Math.max(1e-9, ...lags(store).filter(Number.isFinite));
    rows.forEach((row) => row.update(most));
  };
  return { element: panel("Progress", sentence, element), update };
}

function lags(store) {
  return store.topology.nodes.map((_, index) => lagOf(store, index));
}

function lagOf(store, index) {
  const frame = store.last;
  return frame ? Math.max(0, frame.newest - frame.frontiers[index]) : NaN;
}

export function heldBy(store) {
  const frame = store.last;
  if (!frame || !Number.isFinite(frame.frontier)) {
    return frame && Number.isFinite(frame.newest) ? "No sink has a frontier yet." : "These items have no event time.";
  }
  const behind = frame.newest - frame.frontier;
  const { holder } = store.words;
  if (behind <= 0 || store.over) return `Complete up to ${eventTime(frame.frontier)}.`;
  return `Complete up to ${eventTime(frame.frontier)}, ${duration(behind)} behind the newest item${holder ? `; ${holder} holds it back` : ""}.`;
}

function rowOf(store, node, index, selection) {
  const holds = h("span", { class: "sw-holder", hidden: "" }, "holds it back");
  const [frontier, kept] = [h("td", { class: "sw-right sw-time" }), h("td", { class: "sw-number" })];
  const lag = h("span", {});
  const fill = h("span", { class: "sw-barfill", "data-level": "lag" });
  const element = h(
    "tr", {},
    h("th", { scope: "row" }, node.name, holds), frontier,
    h("td", { class: "sw-right" }, h("span", { class: "sw-lag" }, h("span", { class: "sw-bar" }, fill), lag)), kept,
  );
  element.addEventListener("click", () => selection.toggle(index));
  const update = (most) => {
    const behind = lagOf(store, index);
    const known = Number.isFinite(behind);
    say(frontier, known ? bareTime(store.last.frontiers[index]) : "–");
    say(lag, known ? duration(behind) : "–");
    style(fill, "width", known ? `${((behind / most) * 100).toFixed(1)}%` : "0%");
    say(kept, store.last?.held[index] ? count(store.last.held[index]) : "–");
    show(holds, !store.over && store.words.holder === node.name && store.last?.newest > store.last?.frontier);
    mark(element, "data-selected", selection.has(index));
  };
  return { element, update };
}
