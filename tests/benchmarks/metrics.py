"""What the counters and clock readings cost: W1 on the engine as it is, and on a copy without the lines that count."""

from __future__ import annotations

import ast
import asyncio
import importlib.util
import sys
from importlib.machinery import PathFinder, SourceFileLoader
from time import process_time
from types import CodeType, ModuleType
from typing import Any

from tests.benchmarks.report import Result, alone, answer, median, told
from tests.benchmarks.workloads import affine, digits, is_even

COUNTERS = {"items_in", "items_out", "run_seconds", "seconds", "since", "sent", "received", "peak", "newest"}
"""Attributes whose every change is there for the Status only, at least in W1, where nobody drops or drains."""
ACCOUNTS = {"_account_blocked"}
ITEMS = 1_000_000
BATCH = 1024
ENGINE = {f"streamweave_lab.engine.{name}" for name in ("channel", "node_state", "source_state", "core")}


class _Uncounted(ast.NodeTransformer):
    def __init__(self) -> None:
        self.removed = 0

    def visit_Module(self, node: ast.Module) -> ast.AST:
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return node if node.name in ("__init__", "drop_all", "halt") else self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        return self._without(node, node.target)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        return self._without(node, *node.targets)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        called = node.value.func if isinstance(node.value, ast.Call) else None
        return self._pass(node) if isinstance(called, ast.Name) and called.id in ACCOUNTS else node

    def visit_If(self, node: ast.If) -> ast.AST:
        """An `if` that only guarded what is gone goes too."""
        self.generic_visit(node)
        return self._pass(node) if not node.orelse and all(isinstance(each, ast.Pass) for each in node.body) else node

    def _without(self, node: ast.stmt, *targets: ast.expr) -> ast.AST:
        bare = [target.value if isinstance(target, ast.Subscript) else target for target in targets]
        counts = all(isinstance(target, ast.Attribute) and target.attr in COUNTERS for target in bare)
        return self._pass(node) if counts else node

    def _pass(self, node: ast.stmt) -> ast.AST:
        self.removed += 1
        return ast.copy_location(ast.Pass(), node)


class _Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        """From the source, never from a cached file."""
        path = self.get_filename(fullname)
        without = _Uncounted()
        tree = ast.fix_missing_locations(without.visit(ast.parse(self.get_data(path))))
        assert without.removed, f"{fullname} no longer counts anything: is this benchmark up to date?"
        return compile(tree, path, "exec", dont_inherit=True)


class _Finder:
    @staticmethod
    def find_spec(name: str, path: Any = None, target: ModuleType | None = None) -> Any:
        found = PathFinder.find_spec(name, path, target) if name in ENGINE else None
        if found is None or found.origin is None:
            return None
        return importlib.util.spec_from_file_location(name, found.origin, loader=_Loader(name, found.origin))


def _measured(kind: str) -> dict[str, float]:
    if kind == "without":
        sys.meta_path.insert(0, _Finder)  # type: ignore[arg-type]
    import streamweave_lab as sw

    class Thousands(sw.Source[int]):
        """Numbers in batches of 1024, however large the engine would like them."""

        def poll(self, limit: int) -> Any:
            start = self.position
            self.position = end = min(start + min(limit, BATCH), ITEMS)
            return list(range(start, end)) or sw.END

    async def work() -> int:
        path = Thousands("numbers") >> sw.Map("affine", affine) >> sw.Filter("even", is_even)
        run = sw.Graph("W1", path >> sw.Map("digits", digits) >> sw.Count("end")).start()
        await run.done()
        count: int = run["end"].count
        return count

    def seconds() -> float:
        began = process_time()
        assert asyncio.run(work()) == ITEMS // 2
        return process_time() - began

    return {"seconds": min(seconds() for _ in range(9))}


def measure(rounds: int) -> list[Result]:
    """Processor time, the least of many, and twice the rounds: the difference is smaller than the noise of one."""
    ratios = []
    for number in range(2 * rounds):
        told(f"metrics round {number + 1} of {2 * rounds}")
        kinds = ("with", "without") if number % 2 else ("without", "with")
        seconds = {kind: alone("metrics", kind)["seconds"] for kind in kinds}
        ratios.append(seconds["with"] / seconds["without"])
    return [Result("Metrics", "cost at batches of 1024 (W1)", (median(ratios) - 1) * 100, "%", 3.0)]


if __name__ == "__main__":
    answer(_measured(sys.argv[1]))
