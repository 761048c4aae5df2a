// The console of one run. One link a page; as many views as cells show it.

import { buttons } from "./buttons.js";
import { chartsPanel } from "./charts.js";
import { h, mark, say, show } from "./dom.js";
import { eventsPanel } from "./events.js";
import { duration } from "./format.js";
import { graphPanel } from "./graph.js";
import { header, tiles } from "./header.js";
import { Link } from "./link.js";
import { portsPanel } from "./ports.js";
import { pressurePanel } from "./pressure.js";
import { progressPanel } from "./progress.js";
import { settingsPanel } from "./settings.js";
import { SILENT } from "./store.js";

class Selection {
  constructor(changed) {
    this.nodes = new Set();
    this.changed = changed;
  }

  has(node) {
    return this.nodes.has(node);
  }

  toggle(node) {
    const was = this.has(node);
    this.nodes.clear();
    if (!was) this.nodes.add(node);
    this.changed();
  }
}

function render(link, el) {
  const { store } = link;
  const view = {};
  let [seen, asked] = [false, false];
  const draw = () => {
    asked = false;
    if (!seen) return;
    for (const part of parts) part.update();
    mark(root, "data-lost", store.unheard() || (store.gone && !store.over));
  };
  const ask = () => {
    if (asked || !seen) return;
    asked = true;
    requestAnimationFrame(draw);
  };

  const selection = new Selection(() => ask());
  const controls = buttons(link, store);
  const notice = noticeOf(store);
  const charts = chartsPanel(link, store);
  const [head, figures, graph] = [header(store, controls.element), tiles(store), graphPanel(store, selection)];
  const [ports, pressure, progress] = [portsPanel(store, selection), pressurePanel(store, selection), progressPanel(store, selection)];
  const [events, settings] = [eventsPanel(store), settingsPanel(store)];
  const parts = [head, controls, notice, figures, graph, ports, pressure, progress, events, settings, charts];

  const root = h(
    "div", { class: "sw-console", role: "region", "aria-label": `console of run ${store.topology.graph}` },
    head.element, notice.element, controls.place, figures.element, graph.element,
    h(
      "div", { class: "sw-columns" },
      h("div", { class: "sw-stack" }, ports.element, events.element),
      h("div", { class: "sw-stack" }, pressure.element, progress.element, store.config && settings.element),
    ),
    charts.element,
  );
  el.append(root);

  const look = () => {
    const now = onScreen && document.visibilityState === "visible";
    if (now === seen) return;
    seen = now;
    link.look(view, seen);
    ask();
  };
  let onScreen = false;
  const observer = new IntersectionObserver((entries) => ((onScreen = entries[entries.length - 1].isIntersecting), look()));
  observer.observe(root);
  document.addEventListener("visibilitychange", look);
  store.listeners.add(ask);
  const clock = setInterval(ask, 1000); // uptime goes on, and silence is noticed

  return () => {
    clearInterval(clock);
    observer.disconnect();
    document.removeEventListener("visibilitychange", look);
    store.listeners.delete(ask);
    charts.close();
    link.look(view, false);
    root.remove();
  };
}

function noticeOf(store) {
  const element = h("p", { class: "sw-notice", role: "status", "aria-live": "polite", hidden: "" });
  const { url, host } = store.topology;
  const meanwhile = url || host === "thread" ? `The run goes on in its ${url ? "process" : "thread"}; this is the last that was seen of it.` : "This is the last that was seen.";
  const update = () => {
    const [silence, stale] = [store.silence(), store.stale()];
    const told = store.gone ? "The kernel is gone. This is the last that was seen of the run." : silence > SILENT ? `No news for ${duration(Math.floor(silence))}: the kernel is busy, a cell blocks it. ${meanwhile}` : stale !== null ? lost(store.words.reasons, stale) : "";
    if (told) say(element, told);
    show(element, told !== "");
  };
  return { element, update };
}

function lost(reasons, seconds) {
  const why = reasons.join("; ");
  return `${why.charAt(0).toUpperCase()}${why.slice(1)}. It was last heard of ${duration(Math.floor(seconds))} ago; what is shown was so then.`;
}

export default () => {
  let link = null;
  return {
    initialize({ model }) {
      link = new Link(model);
      return () => link.close();
    },
    render({ el }) {
      return render(link, el);
    },
  };
};
