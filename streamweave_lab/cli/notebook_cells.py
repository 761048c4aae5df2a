"""A graph out of a notebook: those statements of its code cells that the graph is made of, and no others.

The other cells start runs, wait for them, draw, and write files; here they would do harm. So a statement is carried
out if it binds a name that the graph needs, or changes what such a name stands for, up to where the graph is drawn.
"""

from __future__ import annotations

import ast
import json
import linecache
import re
import symtable
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import CodeType, ModuleType

from streamweave_lab.cli.spec import LoadError, nearest

_MAGIC = re.compile(r"^(\s*)([%!?].*|[\w.\[\]'\"]+\?{1,2})\s*$")
_CAPTURED = re.compile(r"^(\s*)([\w.,\s]+)=\s*[%!].*$")


@dataclass(frozen=True)
class Statement:
    """One statement at the top of a cell."""

    cell: str
    """As "cell 3 of flights.ipynb"; code cells and others are counted, from 1, as they stand in the file."""
    tree: ast.stmt

    @cached_property
    def binds(self) -> set[str]:
        """The names it gives a value; "*" where nobody can tell."""
        if isinstance(self.tree, ast.ImportFrom) and any(each.name == "*" for each in self.tree.names):
            return {"*"}
        return {each.get_name() for each in self._scope.get_symbols() if each.is_assigned() or each.is_imported()}

    @cached_property
    def reads(self) -> set[str]:
        """The names of the notebook that it uses, also within functions and classes."""
        own = {each.get_name() for each in self._scope.get_symbols() if each.is_referenced()}
        return own.union(*map(_globals, self._scope.get_children()))

    @cached_property
    def _scope(self) -> symtable.SymbolTable:
        return symtable.symtable(ast.unparse(self.tree), self.cell, "exec")

    @cached_property
    def changes(self) -> set[str]:
        """The names whose values it changes in place, as far as one can see: `x.append(1)`, `x[0] = 1`, `x.y = 1`."""
        return set(_changed(self.tree))


def carry_out(path: Path, *wanted: str) -> ModuleType:
    """The names of a notebook, after those statements that `wanted` are made of. It becomes `__main__`, as in Jupyter.

    So checkpoints that the notebook's own kernel has written can be gone on from here, and the reverse.

    Raises: LoadError naming the cell.
    """
    cells = dict(_code_cells(path))
    statements = [Statement(cell, tree) for cell, source in cells.items() for tree in _parsed(cell, source).body]
    chosen = _needed(statements, set(wanted))
    module = ModuleType("__main__", f"The notebook {path.name}.")
    sys.modules["__main__"] = module
    for statement in chosen:
        linecache.cache[statement.cell] = (1, None, cells[statement.cell].splitlines(keepends=True), statement.cell)
        exec(_compiled(statement), vars(module))  # noqa: S102 - the user names a notebook to be carried out
    known = [name for statement in statements for name in statement.binds if name != "*"]
    for name in wanted:
        if not hasattr(module, name):
            raise LoadError(f"{path} binds no {name!r}; {nearest(name, known)}")
    return module


def _code_cells(path: Path) -> Iterator[tuple[str, str]]:
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        found = [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    except (ValueError, KeyError, TypeError) as error:
        raise LoadError(f"{path} cannot be understood as a notebook of format 4: {error!r}") from None
    for number, (kind, source) in enumerate(found, 1):
        if kind == "code" and not source.lstrip().startswith("%%"):
            yield f"cell {number} of {path.name}", source


def _parsed(cell: str, source: str) -> ast.Module:
    """The cell, without magics if it has any: with them it is no Python."""
    try:
        return ast.parse(source, cell)
    except SyntaxError:
        pass
    try:
        return ast.parse("\n".join(map(_without_magic, source.split("\n"))), cell)
    except SyntaxError as error:
        raise LoadError(f"{cell}, line {error.lineno}: {error.msg}") from None


def _without_magic(line: str) -> str:
    return _CAPTURED.sub(r"\1\2= None", _MAGIC.sub(r"\1pass", line))


def _needed(statements: list[Statement], wanted: set[str]) -> list[Statement]:
    last = max((place for place, each in enumerate(statements) if each.binds & wanted), default=-1)
    before = statements[: last + 1]
    names, chosen = set(wanted), set[int]()
    while more := [place for place, each in enumerate(before) if place not in chosen and _is_needed(each, names)]:
        chosen.update(more)
        names |= {name for place in more for name in before[place].reads}
    return [before[place] for place in sorted(chosen)]


def _is_needed(statement: Statement, names: set[str]) -> bool:
    if _is_settings(statement.tree) or "*" in statement.binds:
        return True
    return bool((statement.binds | statement.changes) & names)


def _is_settings(tree: ast.stmt) -> bool:
    """A Config, which nodes may use without naming it; a change of where modules are looked for."""
    if isinstance(tree, ast.ClassDef):
        return any(ast.unparse(base).endswith("Config") for base in tree.bases)
    return not isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef) and "sys.path." in ast.unparse(tree)


def _compiled(statement: Statement) -> CodeType:
    try:
        return compile(ast.Module([statement.tree], []), statement.cell, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise LoadError(
            f"{statement.cell}, line {error.lineno}: {error.msg}; the graph is made of it, and there is no kernel here"
        ) from None


def _globals(scope: symtable.SymbolTable) -> set[str]:
    own = {each.get_name() for each in scope.get_symbols() if each.is_global()}
    return own.union(*map(_globals, scope.get_children()))


def _changed(tree: ast.AST) -> Iterator[str]:
    match tree:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Lambda():
            return
        case ast.Expr(value=ast.Call(func=ast.Attribute() as place)):
            yield from _root(place)
        case ast.Attribute(ctx=ast.Store()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
            yield from _root(tree)
    for child in ast.iter_child_nodes(tree):
        yield from _changed(child)


def _root(place: ast.AST) -> Iterator[str]:
    while isinstance(place, ast.Attribute | ast.Subscript):
        place = place.value
    if isinstance(place, ast.Name):
        yield place.id


__all__ = ["carry_out"]
