"""Foreign modules are changed in `corpusforge/startup.py` alone: this walks every assignment and setter."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from source_names import dotted, imports

ROOT = Path(__file__).resolve().parents[2]
OWN = ("corpusforge", "pipelines", "classifiers", "schemas", "examples")
MODULES = sorted(path for package in OWN for path in (ROOT / package).rglob("*.py"))

SETTERS = {
    "csv.field_size_limit", "faulthandler.enable", "gc.disable", "gc.enable", "gc.freeze", "gc.set_threshold",
    "locale.setlocale", "logging.basicConfig", "logging.disable", "matplotlib.use",
    "multiprocessing.set_start_method", "numba.set_num_threads", "os.environ.clear", "os.environ.pop",
    "os.environ.setdefault", "os.environ.update", "os.nice", "os.putenv", "os.umask", "os.unsetenv",
    "pyarrow.set_cpu_count", "resource.setrlimit", "socket.setdefaulttimeout", "sys.meta_path.append",
    "sys.meta_path.insert", "sys.modules.pop", "sys.modules.update", "sys.setrecursionlimit",
    "sys.setswitchinterval", "threading.setprofile", "threading.settrace", "threading.stack_size",
    "torch.set_num_threads", "warnings.filterwarnings", "warnings.simplefilter",
}  # fmt: skip
"""Calls that change the state of the whole process."""
METHODS = {"setLevel", "addFilter", "addHandler", "disable_progress_bar", "set_verbosity"}
"""Methods that change a logger or a library's bars, wherever it came from."""

ROOM = "corpusforge/startup.py"


def patches(source: str) -> Iterator[str]:
    """Every change of a foreign module that a source makes."""
    tree = ast.parse(source)
    names = dict(imports(ast.walk(tree)))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
            target = dotted(node, names)
            if target and not target.startswith(OWN):
                yield target
        elif isinstance(node, ast.Call):
            called = dotted(node.func, names) or ast.unparse(node.func)
            if called in SETTERS:
                yield called
            elif called in ("setattr", "delattr") and dotted(node.args[0], names):
                yield f"setattr {dotted(node.args[0], names)}"
            elif isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
                yield node.func.attr


def test_foreign_modules_are_changed_in_one_place() -> None:
    guilty = {
        name: found
        for path in MODULES
        for name in [path.relative_to(ROOT).as_posix()]
        if name != ROOM and not name.startswith("corpusforge/testing/")  # faults on purpose
        if (found := sorted({*patches(path.read_text("utf-8"))}))
    }
    assert guilty == {"corpusforge/__init__.py": ["sys.modules.__class__"]}  # its own class


@pytest.mark.parametrize(
    "source",
    [
        "import threading\nthreading.excepthook = print",
        "from apache_beam.io.aws import s3io\ns3io.S3Uploader.finish = None",
        "import os\nos.environ['X'] = '1'",
        "import os\ndel os.environ['X']",
        "from os import environ\nenviron.setdefault('X', '1')",
        "import logging\nlogging.getLogger('beam').setLevel(40)",
        "import warnings as w\nw.simplefilter('ignore')",
        "from pathlib import Path\nsetattr(Path, 'replace', None)",
        "import sys\nsys.modules['pandas'] = None",
    ],
)
def test_a_patch_is_seen(source: str) -> None:
    assert list(patches(source))


def test_every_patch_is_on_the_page() -> None:
    """The table of `startup.py` names all that it has."""
    tree = ast.parse((ROOT / ROOM).read_text("utf-8"))
    page = ast.get_docstring(tree) or ""
    public = {n.name for n in tree.body if isinstance(n, ast.FunctionDef) and n.name[0] != "_"}
    assert {name for name in public if f"`{name}`" not in page} == set()
