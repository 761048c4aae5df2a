// The buttons, and what they ask before they act. What is lost is said first.

import { h, mark, say, show } from "./dom.js";
import { count, counted, duration } from "./format.js";
import { accountOf, changesOf, refusalsOf } from "./reports.js";

const SLOW = 400; // milliseconds after which a press that is not answered says that it is queued

export function buttons(link, store) {
  const place = h("div", { class: "sw-place" });
  const desk = new Desk(link, store, place);
  const pause = button("Pause", "pause", () => desk.act(store.words.state === "paused" ? "resume" : "pause"));
  const reload = button("Reload configuration", "reload", () => desk.plan());
  const step = button("Step", "step", () => desk.act("step", {}, (report) => desk.stepped(report)));
  mark(step, "title", "let in the next batch of each source, until all is quiet again; await run.step(1) lets in one item");
  const checkpoint = button("Checkpoint", "checkpoint", () => desk.act("checkpoint", {}, (report) => desk.written(report)));
  const suspend = button("Suspend", "suspend", () => desk.askToSuspend());
  const drain = button("Drain", "drain", () => desk.askToDrain());
  const stop = button("Stop now", "stop", () => desk.askToStop());
  const element = h("div", { class: "sw-buttons", role: "group", "aria-label": "controls" }, pause, step, reload, checkpoint, suspend, drain, desk.word, stop);
  const update = () => {
    const { state } = store.words;
    const live = !store.over && !store.gone;
    say(pause, state === "paused" ? "Resume" : "Pause");
    show(element, live);
    mark(pause, "disabled", !(state === "running" || state === "paused"));
    const why = whyNoReload(store.config);
    mark(reload, "disabled", !live || why !== null || state === "draining");
    mark(reload, "title", why ?? "read the configuration's file again and show what would change");
    const [paused, ending] = [state === "paused", state === "draining" || state === "suspending"];
    mark(step, "disabled", !paused); // what cannot be pressed now keeps its place
    show(checkpoint, Boolean(store.words.kept));
    mark(checkpoint, "disabled", state !== "running");
    show(suspend, Boolean(store.words.kept));
    mark(suspend, "disabled", ending);
    mark(drain, "disabled", ending);
    mark(stop, "data-away", !ending);
    mark(stop, "disabled", !ending);
    desk.update();
  };
  return { element, place, update };
}

function whyNoReload(config) {
  if (!config) return "this run was started without a configuration";
  const read = config.rows.some(([, , source]) => source.startsWith("file ") || source === "runtime");
  return read ? null : "the configuration was not loaded from a file: change it with await run.configure(…)";
}

function button(label, name, onclick, kind = "") {
  return h("button", { type: "button", class: `sw-button ${kind}`, "data-do": name, onclick }, label);
}

// Where buttons ask and answer: one matter at a time, below the header.
class Desk {
  constructor(link, store, place) {
    [this.link, this.store, this.place] = [link, store, place];
    this.word = h("span", { class: "sw-outcome", role: "status", "aria-live": "polite" });
    this.live = null;
  }

  update() {
    this.live?.();
  }

  put(title, ...content) {
    this.live = null;
    const before = document.activeElement;
    const close = () => (this.place.replaceChildren(), (this.live = null), before?.isConnected && before.focus());
    const matter = h("div", { class: "sw-matter", role: "group", "aria-label": title }, h("h3", {}, title), ...content.filter(Boolean));
    matter.addEventListener("keydown", (event) => event.key === "Escape" && (event.stopPropagation(), close()));
    this.place.replaceChildren(matter);
    return { matter, close };
  }

  say(title, sentence, ...more) {
    const { matter, close } = this.put(title, h("p", { role: "status", "aria-live": "polite" }, sentence), ...more);
    matter.append(h("p", { class: "sw-row" }, button("Close", "close", close)));
  }

  // Ask the kernel, and say honestly how far that has come.
  act(verb, more = {}, done = null) {
    const waiting = h("p", { role: "status", "aria-live": "polite" }, `Asked to ${WORDS[verb]}.`);
    const brief = BRIEF.has(verb); // told beside the buttons, so that nothing below moves
    const place = brief ? this.word : waiting;
    let queued = false;
    const timer = setInterval(() => (place.isConnected ? say(place, this.lateWord(verb, brief, queued)) : clearInterval(timer)), SLOW);
    clearInterval(this.timer);
    this.timer = timer;
    say(this.word, "");
    if (brief) this.place.replaceChildren();
    const { matter, close } = brief ? { matter: waiting, close: () => say(this.word, "") } : this.put(TITLES[verb], waiting);
    this.link.press(verb, more, (answer) => {
      if (answer.stage === "queued") return (queued = true);
      clearInterval(timer);
      if (answer.stage === "refused") this.say(TITLES[verb], answer.reason);
      else if (done) done(answer.report, close);
      else if (brief || matter.isConnected) close();
    });
  }

  // The kernel takes a press, and says so, also while a cell blocks the run: then its silence tells.
  lateWord(verb, brief, queued) {
    if (!queued || this.store.silence() > 1) {
      return brief ? `${TITLES[verb]}: queued, the kernel is busy.` : `Queued: the kernel is busy. It will ${WORDS[verb]} as soon as the cell that blocks it ends.`;
    }
    return verb === "drain" ? "Draining. What is in flight is being finished." : `Queued: the run is about to ${WORDS[verb]}.`;
  }

  askToDrain() {
    const lost = h("p", {});
    const seconds = h("input", { type: "number", min: 1, max: 3600, value: 30, "aria-label": "seconds" });
    const { matter, close } = this.put(
      `Drain ${this.store.topology.graph}?`,
      h("p", {}, "Sources stop. What is in flight is finished, open windows close, sinks flush; then the run ends. It cannot be resumed."),
      h("p", { class: "sw-row" }, h("label", {}, "At most ", seconds, " seconds"),),
      lost,
    );
    const now = button("Drain", "drain-now", () => this.act("drain", { timeout: Math.max(1, Number(seconds.value) || 30) }, (report) => this.account("Drained", report)), "sw-danger");
    const cancel = button("Cancel", "cancel", close);
    matter.append(h("p", { class: "sw-row" }, now, cancel));
    this.live = () => say(lost, `If that does not suffice, the run is ended by force, and what is left is dropped and counted for each edge; ${inFlight(this.store)}.`);
    this.live();
    cancel.focus();
  }

  askToSuspend() {
    const { matter, close } = this.put(
      `Suspend ${this.store.topology.graph}?`,
      h("p", {}, "Sources stop and what is in flight is finished. Windows stay open: all that is kept back goes into a checkpoint, and the run ends. Start the graph again with resume=True to go on from there."),
    );
    const now = button("Suspend", "suspend-now", () => this.act("suspend", {}, (report) => this.kept(report)), "sw-primary");
    const cancel = button("Cancel", "cancel", close);
    matter.append(h("p", { class: "sw-row" }, now, cancel));
    cancel.focus();
  }

  written(report) {
    if (report.committed) say(this.word, `Checkpoint ${report.id} was written in ${duration(report.seconds)}.`);
    else this.kept(report);
  }

  stepped({ items = 0, ended_by: early }) {
    say(this.word, `The step let in ${counted(items, "item")}${early ? `: ${early}` : ""}.`);
  }

  kept({ committed, id, seconds, problem, dropped = {} }) {
    if (committed) return this.say("Suspended", `Checkpoint ${id} was written in ${duration(seconds)}. Start the graph again with resume=True to go on from there.`);
    const { sentence, left } = accountOf({ complete: false, seconds, dropped });
    this.say("No checkpoint", `${problem}.`, Object.keys(dropped).length ? h("p", {}, sentence) : null, left);
  }

  askToStop() {
    const lost = h("p", {});
    const { matter, close } = this.put(`Stop ${this.store.topology.graph} now?`, lost);
    const cancel = button("Cancel", "cancel", close);
    matter.append(h("p", { class: "sw-row" }, button("Stop now", "stop-now", () => this.act("stop", {}, (report) => this.account("Stopped", report)), "sw-danger"), cancel));
    this.live = () => say(lost, `What is in flight is lost and counted; ${inFlight(this.store)}.`);
    this.live();
    cancel.focus();
  }

  account(title, report) {
    const { sentence, left } = accountOf(report);
    if (title === "Drained" && report.complete === false) title = report.held_by.length ? "The drain ran out of time" : "The drain was cut short by Stop";
    this.say(title, sentence, left);
  }

  plan() {
    this.act("reload-plan", {}, (plan) => this.showPlan(plan));
  }

  showPlan({ changes, refused, notes = [] }, again = false) {
    const news = again ? h("p", { class: "sw-loud" }, "The file has changed since its changes were shown: nothing was applied.") : null;
    const hidden = notes.map((note) => h("p", {}, note));
    if (refused.length) return this.say("Reload refused", "The configuration in force stays.", news, changesOf(changes), refusalsOf(refused));
    if (!changes.length) return this.say("Reload configuration", again ? "The file has changed since its changes were shown: it is now as the configuration in force." : hidden.length ? "Nothing would change." : "Nothing has changed in the configuration's file.", ...hidden);
    const { matter, close } = this.put("Reload configuration", news, h("p", {}, again ? "This would change now:" : "This would change, between two items, in the whole graph at once:"), changesOf(changes), ...hidden);
    const apply = button("Apply", "apply", () => this.act("reload-apply", {}, (report) => this.reloaded(report)), "sw-primary");
    const [cancel, why] = [button("Cancel", "cancel", close), h("span", { role: "status", "aria-live": "polite" })];
    matter.append(h("p", { class: "sw-row" }, apply, cancel, why));
    this.live = () => {
      const paused = this.store.words.state === "paused"; // a configuration goes through the graph with the items
      mark(apply, "disabled", paused);
      say(why, paused ? "The run is paused; resume it first." : "");
    };
    this.live();
    (apply.disabled ? cancel : apply).focus();
  }

  reloaded(report) {
    if (report.applied === undefined) this.showPlan(report, true); // the file has changed since it was shown
    else if (report.applied) this.say("Configuration reloaded", `Version ${report.version} is active since epoch ${report.epoch}.`, changesOf(report.changes));
    else this.say("Reload refused", `Version ${report.version} stays.`, refusalsOf(report.refused));
  }
}

const BRIEF = new Set(["pause", "resume", "step", "checkpoint"]);
const WORDS = { drain: "drain", suspend: "suspend", checkpoint: "write a checkpoint", step: "step", stop: "stop", pause: "pause", resume: "go on", "reload-plan": "read the configuration", "reload-apply": "reload" };
const TITLES = { drain: "Drain", suspend: "Suspend", checkpoint: "Checkpoint", step: "Step", stop: "Stop", pause: "Pause", resume: "Resume", "reload-plan": "Reload configuration", "reload-apply": "Reload configuration" };

function inFlight(store) {
  const sum = (numbers) => (numbers ? numbers.reduce((a, b) => a + b, 0) : 0);
  const [queued, held] = [sum(store.last?.queued), sum(store.last?.held)];
  return queued + held ? `now ${counted(queued + held, "item")} (${count(queued)} on edges, ${count(held)} kept back in nodes)` : "at this moment nothing is in flight";
}
