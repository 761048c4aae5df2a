"""A module, a file or a notebook, as a module of Python; what is wrong with it in a sentence."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import pkgutil
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from streamweave_lab.cli.spec import LoadError, Spec, nearest
from streamweave_lab.errors import StreamweaveError


def module_of(spec: Spec, *also: str) -> ModuleType:
    """The module that `spec` is in; of a notebook what its name, and `also`, are made of.

    What the code prints meanwhile goes to stderr. Raises: LoadError.
    """
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    with blamed(spec), contextlib.redirect_stdout(sys.stderr):
        return _module(spec, also)


@contextlib.contextmanager
def blamed(spec: Spec) -> Iterator[None]:
    """An exception of the user's code is told with the line that raised it."""
    try:
        yield
    except LoadError:
        raise
    except (Exception, SystemExit) as error:
        raise LoadError(f"{spec}: {_where(error)}{_what(error)}") from error


def _module(spec: Spec, also: tuple[str, ...]) -> ModuleType:
    if spec.path is None:
        return _imported(spec)
    if spec.path.is_dir():
        raise LoadError(f"{spec.place} is a folder, not a file; {_files_near(spec.path / 'graph.py')}")
    if not spec.path.is_file():
        raise LoadError(f"there is no file {spec.place}; {_files_near(spec.path)}")
    if spec.path.suffix != ".ipynb":
        return _from_file(spec.path)
    if not spec.name:
        raise LoadError(f"say which graph of the notebook: {spec.place}:NAME")
    from streamweave_lab.cli.notebook_cells import carry_out

    return carry_out(spec.path, spec.name, *also)


def _imported(spec: Spec) -> ModuleType:
    try:
        return importlib.import_module(spec.place)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{spec.place}.".startswith(f"{error.name}."):
            raise  # it is there, and asks for another that is not
        raise LoadError(f"there is no module {error.name!r}{_modules_near(error.name)}") from None


def _modules_near(name: str) -> str:
    package, _, last = name.rpartition(".")
    if package and not hasattr(sys.modules[package], "__path__"):
        return f"; {package} is a module and not a package; did you mean {package}:{last}?"
    if package:
        there = [each.name for each in pkgutil.iter_modules(sys.modules[package].__path__)]
        return f"; in {package} {nearest(last, there)}"
    here = sorted(path.stem if path.suffix else path.name for path in Path.cwd().iterdir() if _is_code(path))
    return f", neither installed nor in this folder; {nearest(name, here)}"


def _from_file(path: Path) -> ModuleType:
    """Under the file's own name, so that state whose classes are there can be read again by another process."""
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    name = path.stem if path.stem.isidentifier() and path.stem not in sys.modules else f"file_{path.stem}"
    found = importlib.util.spec_from_file_location(name, path)
    if found is None or found.loader is None:
        raise LoadError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    found.loader.exec_module(module)
    return module


def _where(error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return f"{error.filename}, line {error.lineno}: "
    own = str(Path(__file__).parents[1])
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith((own, "<")) and "importlib" not in frame.filename:
            return f"{frame.filename}, line {frame.lineno}: "
    return ""


def _what(error: BaseException) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return text if isinstance(error, StreamweaveError) else f"{type(error).__name__}: {text}"


def _is_code(path: Path) -> bool:
    return path.suffix == ".py" or (path / "__init__.py").is_file()


def _files_near(path: Path) -> str:
    there = path.parent if path.parent.is_dir() else Path.cwd()
    files = (each.name for each in there.iterdir() if each.suffix in (".py", ".ipynb") and each.is_file())
    return nearest(path.name, sorted(files))


__all__ = ["blamed", "module_of"]
