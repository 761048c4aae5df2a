// Runs the cells above the tag of one notebook, once, when that notebook is opened in a fresh kernel.
//
// Which notebook, the command `streamweave-lab quickstart` tells through the page's configuration; without that, and for
// every other notebook, this does nothing. It is written as the module federation container that JupyterLab 4 loads
// (init, get), needs no other module, and so no bundler.

(() => {
  const SEEN = "streamweave-lab:quickstart";

  /** What the launcher asked for, { path, tag, launch }, or null. */
  function asked() {
    const page = document.getElementById("jupyter-config-data");
    const option = JSON.parse(page?.textContent || "{}").streamweaveQuickstart;
    return option ? JSON.parse(option) : null;
  }

  function find(shell, path) {
    for (const widget of shell.widgets("main")) {
      if (widget.sessionContext && widget.content?.widgets && widget.context?.path === path) return widget;
    }
    return null;
  }

  /** The panel of the notebook at `path`, as soon as it is open. */
  function opened(shell, path) {
    return new Promise(resolve => {
      const look = () => {
        const panel = find(shell, path);
        if (panel) {
          shell.currentChanged?.disconnect(look);
          resolve(panel);
        }
      };
      shell.currentChanged?.connect(look);
      look();
    });
  }

  /** Nothing has been run in this kernel: a page that is loaded again must not start everything anew. */
  async function isFresh(kernel) {
    const reply = await kernel.requestExecute({ code: "", silent: true, store_history: false }).done;
    return (reply.content.execution_count ?? 0) < 1;
  }

  /** Run the cells above the tag, if they shall run by themselves. */
  async function run(app, { path, tag, launch }) {
    await app.restored;
    const panel = await opened(app.shell, path);
    await panel.context.ready;
    await panel.sessionContext.ready;
    await panel.revealed;
    const kernel = panel.sessionContext.session?.kernel;
    if (!kernel || localStorage.getItem(SEEN) === launch || !(await isFresh(kernel))) return;
    localStorage.setItem(SEEN, launch);
    await runAbove(app, panel, tag);
  }

  async function runAbove(app, panel, tag) {
    const notebook = panel.content;
    const end = notebook.widgets.findIndex(cell => (cell.model.getMetadata("tags") ?? []).includes(tag));
    if (end < 1) return;
    app.shell.activateById(panel.id);
    notebook.activeCellIndex = end;
    await app.commands.execute("notebook:run-all-above");

    const last = notebook.widgets.slice(0, end).findLastIndex(cell => cell.model.type === "code");
    if (last >= 0) {
      notebook.activeCellIndex = last;
      await notebook.scrollToItem?.(last, "start");
    }
  }

  const plugin = {
    id: "streamweave-lab-quickstart:run",
    description: "Runs the first cells of the notebook that `streamweave-lab quickstart` opens.",
    autoStart: true,
    activate: app => {
      const what = asked();
      if (!what) return;
      run(app, what)
        .catch(error => console.error("streamweave-lab quickstart:", error))
        .finally(() => (document.body.dataset.streamweaveQuickstart = "done"));
    },
  };

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB["streamweave-lab-quickstart"] = {
    init: () => undefined,
    get: async () => () => ({ __esModule: true, default: plugin }),
  };
})();
