// The reports of verbs, as people read them.

import { h } from "./dom.js";
import { counted, duration } from "./format.js";

export function accountOf({ complete, seconds, dropped = {}, held_by: holders = [], problem }) {
  const lost = Object.values(dropped).reduce((a, b) => a + b, 0);
  const by = holders.length ? `, held by ${holders.join(", ")}` : "";
  const sentence = lost ? `After ${duration(seconds)}: ${counted(lost, "item")} dropped${by}.` : complete === false ? `After ${duration(seconds)}, not complete${by}.` : `In ${duration(seconds)}, nothing dropped.${problem ? ` No checkpoint holds its end: ${problem}` : ""}`;
  const rows = Object.entries(dropped).map(([where, items]) => [where.replace(" -> ", " → "), counted(items, "item")]);
  return { sentence, left: rows.length ? list("sw-left", rows) : null };
}

export function changesOf(changes) {
  if (!changes.length) return null;
  return h(
    "table", { class: "sw-diff" },
    h("thead", {}, h("tr", {}, ...["Field", "Now", "Then"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, ...changes.map(({ field, old, new: then, live }) => h("tr", {}, h("th", { scope: "row" }, field), h("td", { class: "sw-old" }, h("del", {}, old)), h("td", { class: "sw-new" }, h("ins", {}, then), live ? "" : h("span", { class: "sw-soft" }, " not while the run goes on"))))),
  );
}

export function refusalsOf(refused) {
  return h("ul", { class: "sw-refused" }, ...refused.map((sentence) => h("li", {}, sentence)));
}

function list(kind, rows) {
  return h("table", { class: kind }, h("tbody", {}, ...rows.map(([name, value]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", { class: "sw-number" }, value)))));
}
