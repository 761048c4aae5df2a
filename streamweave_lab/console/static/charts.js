// The two time series people zoom into. BokehJS comes from the kernel when they are first opened, once a page.

import { h, say, show } from "./dom.js";
import { isDate } from "./format.js";

const KEPT = 3600; // seconds
const PATIENCE = 20; // quarters of a second
const [LEAST, MOST] = [20_000, 120_000]; // milliseconds shown while following: the time since the start, up to two minutes

export function chartsPanel(link, store) {
  const [throughput, frontier, title] = [h("div", { class: "sw-figurebox" }), h("div", { class: "sw-figurebox" }), h("h4", { hidden: "" }, "Frontier")];
  const note = h("p", { class: "sw-sentence" });
  const follow = h("button", { type: "button", class: "sw-button", "data-do": "follow", hidden: "" }, "Follow");
  const body = h("div", { class: "sw-charts" }, note, follow, h("h4", {}, "Throughput"), throughput, title, frontier);
  const element = h("details", { class: "sw-panel sw-fold" }, h("summary", {}, h("h3", {}, "Charts"), h("span", { class: "sw-soft" }, "to zoom and to hover")), body);
  const charts = new Charts(store, { throughput, frontier });
  let [onScreen, asked] = [false, false];
  const observer = new IntersectionObserver((entries) => (onScreen = entries[entries.length - 1].isIntersecting));
  observer.observe(body);

  element.addEventListener("toggle", () => {
    if (!element.open || asked) return;
    asked = true;
    say(note, "The charts are on their way from the kernel.");
    link.press("charts", { have: Boolean(globalThis.Bokeh) }, async (answer, buffers) => {
      try {
        if (answer.stage === "refused") throw new Error(answer.reason);
        await charts.begin(answer.charts, buffers[0]);
        show(title, Boolean(answer.charts.frontier)); // items without event time have none
        show(note, false);
      } catch (error) {
        say(note, `The charts could not be drawn: ${error.message}`);
      }
    });
  });
  follow.addEventListener("click", () => charts.follow());

  const update = () => {
    if (!element.open || !onScreen) return;
    charts.update();
    show(follow, charts.strayed);
  };
  return { element, update, close: () => (observer.disconnect(), charts.close()) };
}

class Charts {
  constructor(store, boxes) {
    [this.store, this.boxes] = [store, boxes];
    this.figures = [];
    this.strayed = false;
    this.drawn = 0;
    this.themed = "";
  }

  async begin(charts, library) {
    if (!globalThis.Bokeh) (0, eval)(new TextDecoder().decode(library)); // as a script of the page: once, for all consoles
    const figures = [];
    for (const [name, columns] of [["throughput", throughputOf], ["frontier", frontierOf]]) {
      if (!charts[name]) continue;
      const rows = await this.begun(columns);
      if (rows.length) fill(charts[name].doc, name, joined(rows));
      const manager = await globalThis.Bokeh.embed.embed_item(charts[name], this.boxes[name]);
      const [view] = [...manager];
      const figure = view.model;
      const source = figure.document.get_model_by_name(name);
      figures.push({ manager, figure, source, columns });
    }
    this.drawn = this.store.seconds[this.store.seconds.length - 1]?.at ?? 0;
    this.figures = figures; // all at once: a frame that comes between would take the second for one that somebody has moved
    this.theme();
    this.move();
  }

  update() {
    const { store, figures } = this;
    if (!figures.length || !store.last) return;
    this.theme();
    const fresh = this.fresh();
    if (!fresh.length) return; // a point a second is as fine as two minutes on a screen; to draw lines is what costs
    this.drawn = fresh[fresh.length - 1][1].at;
    for (const { source, columns } of figures) source.stream(joined(fresh.map(([before, after]) => columns(store, before, after))), KEPT);
    this.move();
  }

  fresh(after = this.drawn) {
    const { seconds } = this.store;
    return seconds.flatMap((frame, i) => (i && frame.at > after ? [[seconds[i - 1], frame]] : []));
  }

  rows(columns) {
    return this.fresh(0).map(([before, after]) => columns(this.store, before, after));
  }

  // The points so far, as soon as there is one: drawn without any, Bokeh would warn of ranges that it cannot find.
  async begun(columns) {
    for (let tries = 0; ; tries += 1) {
      const rows = this.rows(columns);
      const whole = rows.some((row) => Object.values(row).every(Number.isFinite));
      if (whole || this.store.over || tries >= PATIENCE) return rows;
      await new Promise((later) => setTimeout(later, 250));
    }
  }

  // Follow the newest frame, unless somebody has moved a figure to look at something.
  move() {
    const end = timeOf(this.store.last);
    for (const { figure } of this.figures) {
      const { start: from, end: to } = figure.x_range;
      if (this.end !== undefined && Math.abs(to - this.end) + Math.abs(from - this.start) > 1) this.strayed = true;
    }
    if (this.strayed) return;
    const since = end - timeOf(this.store.seconds[0]);
    [this.start, this.end] = [end - Math.min(MOST, Math.max(LEAST, since)), end];
    for (const { figure } of this.figures) figure.x_range.setv({ start: this.start, end: this.end });
  }

  follow() {
    this.strayed = false;
    this.end = undefined;
    if (this.store.last) this.move();
  }

  // Bokeh draws on a canvas and does not know the page's colours.
  theme() {
    const css = getComputedStyle(this.boxes.throughput);
    const named = css.getPropertyValue("color") + css.getPropertyValue("outline-color");
    if (named === this.themed) return;
    this.themed = named;
    const [ink, line] = [css.getPropertyValue("color"), css.getPropertyValue("outline-color")].map(plainColour);
    const axis = { axis_label_text_color: ink, major_label_text_color: ink, axis_line_color: line, major_tick_line_color: line, minor_tick_line_color: null, axis_label_text_font_style: "normal" };
    for (const { figure } of this.figures) {
      for (const model of [...figure.below, ...figure.left, ...figure.right]) {
        if (model.type.endsWith("Axis")) model.setv(axis);
        if (model.type === "Legend") model.setv({ label_text_color: ink });
      }
      for (const model of figure.center) if (model.type === "Grid") model.setv({ grid_line_color: line });
    }
  }

  close() {
    for (const { manager } of this.figures) manager.clear();
    this.figures = [];
  }
}

// Bokeh knows few of the ways in which a page may name a colour: let a pixel tell.
function plainColour(named) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const paper = canvas.getContext("2d");
  paper.fillStyle = named;
  paper.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = paper.getImageData(0, 0, 1, 1).data;
  return `rgba(${r}, ${g}, ${b}, ${(a / 255).toFixed(3)})`;
}

// Put data into the source of that name before it is drawn.
function fill(json, name, data) {
  if (json === null || typeof json !== "object") return;
  if (json.attributes?.name === name && json.attributes.data) json.attributes.data = { type: "map", entries: Object.entries(data) };
  else Object.values(json).forEach((part) => fill(part, name, data));
}

function joined(rows) {
  return Object.fromEntries(Object.keys(rows[0]).map((column) => [column, rows.map((row) => row[column])]));
}

// Bokeh writes times as UTC: they are moved so that they read as this page's local time.
function timeOf(frame) {
  return frame.at * 1000 - new Date().getTimezoneOffset() * 60_000;
}

function throughputOf(store, before, after) {
  const seconds = after.at - before.at;
  const row = { time: timeOf(after) };
  store.topology.nodes.forEach((node, index) => {
    const way = node.role === "sink" ? "in" : "out";
    let items = 0;
    store.ports.forEach((port, i) => {
      if (port.node === index && port.way === way && port.name !== "error" && port.name !== "late") items += after.items[i] - before.items[i];
    });
    row[`node${index}`] = Math.max(0, items) / seconds;
  });
  return row;
}

function frontierOf(store, _, after) {
  const unit = isDate(after.newest) ? 1000 : 1;
  const [frontier, newest] = [after.frontier, after.newest];
  return { time: timeOf(after), frontier: frontier * unit, newest: newest * unit, lag: newest - frontier };
}
