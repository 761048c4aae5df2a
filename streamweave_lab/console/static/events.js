// What happened, newest first.

import { h, panel } from "./dom.js";
import { clock, count } from "./format.js";
import { sign } from "./tones.js";

const TONES = { info: "ok", warning: "busy-low", error: "failed" };

export function eventsPanel(store) {
  const list = h("ol", { class: "sw-events" });
  const scroll = h("div", { class: "sw-scroll", tabindex: "0", role: "region", "aria-label": "Events" }, list);
  let drawn = null;
  const update = () => {
    if (drawn === store.events) return;
    drawn = store.events;
    list.replaceChildren(...(drawn.length ? drawn.map(entry) : [h("li", { class: "sw-none" }, "Nothing has happened yet.")]));
  };
  return { element: panel("Events", scroll), update };
}

function entry(event) {
  const again = event.times > 1;
  const message = again && event.message.startsWith(`${event.node}: `) ? event.message.slice(event.node.length + 2) : event.message;
  return h(
    "li", { "data-level": event.level },
    h("time", { datetime: new Date(event.at * 1000).toISOString() }, clock(event.at)),
    sign(TONES[event.level]),
    h("span", {}, h("code", {}, event.event), again ? h("span", { class: "sw-times" }, `${event.node} · ${count(event.times)} times, at last: `) : "", h("span", { class: "sw-aside" }, ` ${event.level}: `), h("span", { class: "sw-message" }, message), event.asked ? ` · ${event.asked}` : ""),
  );
}
