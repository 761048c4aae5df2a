from __future__ import annotations

import signal

from tests.ipython.conftest import Kernel


def test_loading_twice_is_loading_once(kernel: Kernel) -> None:
    assert kernel.cell("%load_ext streamweave_lab").complained == ""
    kernel.cell("%reload_ext streamweave_lab\nsw.load_ipython_extension(get_ipython())")
    count = (
        "print(sum('weave' in getattr(m, 'matcher_identifier', '') for m in get_ipython().Completer.custom_matchers))"
    )
    assert kernel.cell(count).printed == "1\n"
    assert kernel.cell("%weave runs").status == "ok"


def test_loading_prints_nothing_and_starts_no_server_or_log(kernel: Kernel) -> None:
    shown = kernel.cell(
        "%reload_ext streamweave_lab\nimport sys\nprint('uvicorn' in sys.modules, 'structlog' in sys.modules)"
    )
    assert (shown.printed, shown.complained) == ("False False\n", "")


def test_no_signal_handler_is_installed_in_a_kernel(kernel: Kernel) -> None:
    """While a cell runs Jupyter's own handler stands; SIGTERM is nobody's."""
    kernel.cell("run = sw.Graph('g', sw.Replay('r', range(3)) >> sw.Count('c')).start()\nawait run.done()")
    shown = kernel.cell(
        "import signal\nprint(int(signal.getsignal(signal.SIGTERM)), signal.getsignal(signal.SIGINT).__module__)"
    )
    assert shown.printed.startswith(f"{int(signal.SIG_DFL)} ")
    assert "streamweave" not in shown.printed


def test_runs_can_be_drained_at_shutdown_without_the_extension(kernel: Kernel) -> None:
    kernel.cell("%unload_ext streamweave_lab\nfrom streamweave_lab.ipython import shutdown\nshutdown.install_here()")
    assert kernel.cell("print('do_shutdown' in vars(get_ipython().kernel))").printed == "True\n"
    assert kernel.cell("%load_ext streamweave_lab").complained == ""


def test_unloading_takes_the_magic_the_completion_and_the_wrapping_away(kernel: Kernel) -> None:
    kernel.cell("%unload_ext streamweave_lab")
    assert "not found" in kernel.cell("%weave runs").complained
    assert kernel.completions("%weave dr") == []
    assert kernel.cell("print('do_shutdown' in vars(get_ipython().kernel))").printed == "False\n"
    kernel.cell("%load_ext streamweave_lab")
    assert kernel.cell("%weave runs").status == "ok"
