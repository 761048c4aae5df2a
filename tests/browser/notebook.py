"""One notebook in one browser window; see `lab.py` for how to use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import ConsoleMessage, Locator, Page

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark", "contrast": "JupyterLab Dark High Contrast"}

_NOTEBOOK = "window.jupyterapp.shell.currentWidget.content"
_CELLS = f"{_NOTEBOOK}.widgets"


class Notebook:
    """One notebook in one browser window; `page` is playwright's."""

    def __init__(self, page: Page, file: str, artifacts: Path) -> None:
        self.page = page
        self.file = file
        self.problems: list[str] = []
        """What the browser complained of so far: console errors and uncaught errors."""
        self._artifacts = artifacts
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.problems.append(f"uncaught: {error.stack or error}"))
        page.on("dialog", lambda dialog: dialog.accept())

    def run(self, index: int, *, wait: bool = True, timeout: float = 120) -> None:
        """Run one cell."""
        self.page.evaluate(
            f"""i => {{
                {_NOTEBOOK}.activeCellIndex = i;
                {_CELLS}[i].model.executionCount = null;
                window.jupyterapp.commands.execute('notebook:run-cell');
            }}""",
            index,
        )
        if wait:
            self.wait(index, timeout=timeout)

    def run_all(self) -> None:
        """Start all cells; `wait` for the one that matters."""
        self.page.evaluate(
            f"""() => {{
                for (const cell of {_CELLS}) if (cell.model.type === "code") cell.model.executionCount = null;
                window.jupyterapp.commands.execute("notebook:run-all-cells");
            }}"""
        )

    def add(self, source: str, *, wait: bool = True, timeout: float = 120) -> int:
        """Append a cell and run it; returns its number."""
        index: int = self.page.evaluate(
            f"""source => {{
                const notebook = {_NOTEBOOK};
                notebook.model.sharedModel.addCell({{cell_type: "code", source}});
                return notebook.widgets.length - 1;
            }}""",
            source,
        )
        self.run(index, wait=wait, timeout=timeout)
        return index

    def counts(self) -> list[int | None]:
        """The execution count of each cell; None where it has not run, or runs now."""
        counts: list[int | None] = self.page.evaluate(
            f"() => {_CELLS}.map(cell => cell.model.type !== 'code' || cell.model.executionState === 'running' "
            "? null : cell.model.executionCount)"
        )
        return counts

    def wait(self, index: int, *, timeout: float = 120) -> None:
        """Wait until cell `index`, which was started, has its execution count."""
        self.page.wait_for_function(
            f"""i => {{
                const model = {_CELLS}[i].model;
                return model.executionState !== 'running' && model.executionCount !== null;
            }}""",
            arg=index,
            timeout=timeout * 1000,
        )

    def outputs(self, index: int) -> list[dict[str, Any]]:
        """The outputs of a cell as nbformat has them."""
        outputs: list[dict[str, Any]] = self.page.evaluate(f"i => {_CELLS}[i].model.outputs?.toJSON() ?? []", index)
        return outputs

    def text(self, index: int) -> str:
        """What a cell printed and its text/plain results; an error as `Name: message`."""
        return "".join(_as_text(output) for output in self.outputs(index)).strip()

    def cell(self, index: int) -> Locator:
        """The cell in the page, to look for things inside it."""
        return self.page.locator(".jp-Notebook-cell").nth(index)

    def show(self, index: int) -> None:
        """Scroll to a cell: JupyterLab draws the outputs of those far away only when they come near."""
        self.page.evaluate(f"i => {_NOTEBOOK}.scrollToItem(i)", index)

    def save(self) -> None:
        """Save the notebook file."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")

    def reload(self) -> None:
        """Load the page anew: the kernel goes on, the page starts from the saved file."""
        self.page.reload()
        self.wait_until_open()

    def restart_kernel(self) -> None:
        """Restart the kernel without asking."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.restartKernel()")

    def interrupt(self) -> None:
        """Interrupt the kernel."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('notebook:interrupt-kernel')")

    def theme(self, name: str) -> None:
        """Switch to "light", "dark" or "contrast"."""
        self.page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", THEMES[name]
        )
        self.page.wait_for_function("name => document.body.dataset.jpThemeName === name", arg=THEMES[name])
        self._wait_for_the_curtain()

    def screenshot(self, name: str, of: Locator | None = None) -> Path:
        """Keep what is seen now as `<artifacts>/<name>.png`: the page, or one element of it."""
        path = self._artifacts / f"{name}.png"
        (of or self.page).screenshot(path=path)
        return path

    def close(self) -> None:
        """Close this window; its kernel goes on."""
        self.page.context.close()

    def shut_down(self) -> None:
        """End the kernel and close the window."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        self.close()

    def wait_until_open(self) -> None:
        """Wait until the notebook is there and its kernel answers; then close the side bars."""
        self.page.wait_for_function(
            "file => window.jupyterapp?.shell.currentWidget?.context?.path === file", arg=self.file, timeout=120_000
        )
        self.page.evaluate(
            """async () => {
                const panel = window.jupyterapp.shell.currentWidget;
                await window.jupyterapp.restored; // until then tabs may still come and go
                await panel.context.ready;
                await panel.sessionContext.ready;
                await panel.sessionContext.session?.kernel?.info;
                window.jupyterapp.shell.collapseLeft?.();
                window.jupyterapp.shell.collapseRight?.();
            }"""
        )
        self._wait_for_the_curtain()

    def _wait_for_the_curtain(self) -> None:
        self.page.wait_for_function("() => !document.getElementById('jupyterlab-splash')")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.problems.append(f"console: {message.text} ({message.location.get('url', '')})")


def _as_text(output: dict[str, Any]) -> str:
    match output["output_type"]:
        case "stream":
            return "".join(output["text"])
        case "error":
            return f"{output['ename']}: {output['evalue']}\n"
        case _:
            return "".join(output["data"].get("text/plain", "")) + "\n"
