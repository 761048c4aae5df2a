// The configuration in force: each value and where it comes from.

import { h, panel, say, show, table } from "./dom.js";

export function settingsPanel(store) {
  const sentence = h("p", { class: "sw-sentence" });
  const { element, body } = table([["Field"], ["Value"], ["Source"]], "Configuration");
  let drawn;
  const update = () => {
    if (drawn === store.config) return;
    drawn = store.config;
    show(element, Boolean(drawn));
    say(sentence, drawn ? summary(drawn) : "This run was started without a configuration.");
    body.replaceChildren(...(drawn?.rows ?? []).map(rowOf));
  };
  return { element: panel("Configuration", sentence, element), update };
}

function summary({ version, epoch, sha256, reloads, successful }) {
  const since = version > 1 ? ` since epoch ${epoch}` : "";
  const refused = successful === false ? " · the last change was refused" : "";
  const changes = [["applied", reloads.applied], ["refused", reloads.rejected], ["rolled back", reloads.rolled_back]];
  const told = changes.filter(([, n]) => n).map(([word, n]) => ` · ${n} ${word}`).join("");
  return `Version ${version}${since} · ${sha256.slice(0, 8)}${told}${refused}`;
}

function rowOf([name, value, source]) {
  return h("tr", {}, h("th", { scope: "row" }, name), h("td", { class: "sw-value" }, value), h("td", { class: "sw-source" }, source));
}
