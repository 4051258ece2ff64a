"""How numba compiles kernels (`jit`): cached on disk, without the interpreter lock.

numba's cache files are pickles of machine code. One that was cut (a power cut, a full disk) or changed is
found by a digest behind each file, or by what reading it raises; it is deleted, and the kernel compiled anew.

A platform wheel brings such files (`corpusforge.kernels --ship`), made for all x86-64 processors of level v3.
They are used where the machine's own cache has nothing, the processor has what level v3 asks for, and Python,
numba, llvmlite and the sources are those that they were made with; anywhere else, kernels are compiled.
"""

# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

import io
import pickle
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, cached_property
from hashlib import blake2b
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import llvmlite.binding
import numba
from llvmlite import ir
from numba import _dynfunc  # type: ignore[attr-defined]
from numba.core import event, types
from numba.core import ir as numba_ir
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder, Flags
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.cpu import CPUContext
from numba.core.lowering import Environment  # type: ignore[attr-defined]
from numba.core.registry import CPUDispatcher, cpu_target
from numba.core.runtime import rtsys  # type: ignore[attr-defined]
from numba.core.runtime.context import NRTContext
from numba.core.typed_passes import NativeLowering

from corpusforge import cputime
from corpusforge.printing import say

__all__ = ["PORTABLE", "SHIPPED", "intrinsic_type", "is_cached", "kernel"]


class _Compiling(event.Listener):
    """The first document that needs a kernel does not pay for its compilation (`cputime`)."""

    def __init__(self) -> None:
        self._ends: list[Callable[[], None]] = []

    def on_start(self, event: event.Event) -> None:
        """Stop the clock of the document in hand."""
        self._ends.append(cputime.pause())

    def on_end(self, event: event.Event) -> None:
        """Let it go on."""
        self._ends.pop()()


event.register("numba:compile", _Compiling())


_MARK = b"\x00blake2b:"


_OWN = Path(__file__).resolve()

SHIPPED = _OWN.parents[1] / "_kernels"
"""Where a wheel brings compiled kernels: files only, named after module and kernel."""

PORTABLE = ("x86-64-v3", "")
"""The processor, and features beside that one's, that shipped kernels are compiled for."""

_LEVEL_3 = {
    "+avx", "+avx2", "+bmi", "+bmi2", "+cx16", "+f16c", "+fma", "+lzcnt", "+movbe", "+popcnt", "+sahf",
    "+sse3", "+sse4.1", "+sse4.2", "+ssse3", "+xsave",
}  # fmt: skip


def _runs_shipped(codegen: Any) -> bool:
    """Whether the machine, as numba is to compile for it, runs shipped kernels."""
    _, _, features = codegen.magic_tuple()
    checked: bool = numba.config.BOUNDSCHECK  # type: ignore[attr-defined]
    return not checked and set(features.split(",")) >= _LEVEL_3


_IMPORT = re.compile(rb"^from ([\w.]+) import (\([^)]*\)|.*)", re.MULTILINE)
_WORD = re.compile(rb"\w+")


@cache
def _read(path: Path) -> tuple[bytes, frozenset[Path]]:
    """A module's digest, and the files of the modules of its own package and of this one that it imports."""
    root = path.parent
    while (root / "__init__.py").is_file():
        root = root.parent
    roots = {path.relative_to(root).parts[0]: root, "corpusforge": _OWN.parents[2]}
    text = path.read_bytes()
    found: set[Path] = set()
    for module, imported in _IMPORT.findall(text):
        for name in (module, *(module + b"." + word for word in _WORD.findall(imported))):
            parts = name.decode().split(".")
            if parts[0] in roots:
                at = roots[parts[0]].joinpath(*parts)
                found |= {at.with_suffix(".py"), at / "__init__.py"}
            elif path.parent == root and len(parts) == 1:
                found.add(root / f"{parts[0]}.py")  # modules side by side, in no package
    imports = frozenset(file for file in found if file != _OWN and file.is_file())
    return blake2b(text).digest(), imports


@cache
def _sources(path: Path) -> str:
    """A digest of a module and of all of its package that it imports: what a kernel is made from.

    numba looks at the kernel's own file alone, so an upgrade that changed a called kernel or a constant would
    leave the old machine code at work.
    """
    digests: dict[Path, bytes] = {}
    left = [path]
    while left:
        file = left.pop()
        if file not in digests:
            digests[file], imported = _read(file)
            left += imported
    return blake2b(b"".join(sorted(digests.values()))).hexdigest()


class _Files(IndexDataCacheFile):
    """A kernel's cache files, a digest behind each; a pickle's reader stops before it.

    They are stamped with llvmlite's version, this module (how code is made) and the kernel's sources, as they
    are at its first look.
    """

    def __init__(self, folder: str, name: str, source: str) -> None:
        self.folder = folder
        self._source = Path(source)
        super().__init__(folder, name, None)

    @property
    def _source_stamp(self) -> str:
        return f"{llvmlite.__version__} {_read(_OWN)[0].hex()} {_sources(self._source)}"

    @_source_stamp.setter
    def _source_stamp(self, _: None) -> None:
        """numba's own, which is not used."""

    def _dump(self, obj: Any) -> bytes:
        body: bytes = super()._dump(obj)
        return body + _MARK + blake2b(body).digest()

    def _load_index(self) -> Any:
        with suppress(FileNotFoundError):
            stream = io.BytesIO(Path(self._index_path).read_bytes())
            pickle.load(stream)  # noqa: S301 - numba's version; the file is our own, as numba's are
            _check(stream.read())
        return super()._load_index()

    def _load_data(self, name: str) -> Any:
        data = Path(self._data_path(name)).read_bytes()
        _check(data)
        return _Unpickler(io.BytesIO(data)).load()

    @property
    def fit(self) -> bool:
        """Whether there is something of this version of the kernel."""
        try:
            return bool(self._load_index())
        except Exception:  # whatever unpickling half a file raises
            return False

    def remove(self) -> None:
        """Delete all of them."""
        path = Path(self._index_path)
        for own in (path, *path.parent.glob(f"{path.stem}.*.nbc")):
            own.unlink(missing_ok=True)


def _check(data: bytes) -> None:
    """Raise ValueError where a digest stands behind the data and is not theirs."""
    body, mark, digest = data.rpartition(_MARK)
    if mark and blake2b(body).digest() != digest:
        raise ValueError("its digest is another")


class _Unpickler(pickle.Unpickler):
    """Reads a kernel without importing the modules of numba that its code was made from."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what a pickle names; in place of what makes an environment, `_environment`."""
        return _environment if name == "_rebuild_env" else super().find_class(module, name)


def _environment(module: str, constants: list[Any], name: str) -> Environment:
    """Return the environment of a function: what numba does, where that module is loaded."""
    names = vars(sys.modules.get(module, ModuleType(module)))
    found = Environment.from_fndesc(SimpleNamespace(env_name=name, lookup_globals=lambda: names))
    found.consts[:] = constants
    return found


class _Kept(CompileResultCacheImpl):
    """What is kept of a compiled kernel: its machine code, and what that refers to.

    Left out is what other kernels would be linked from (`_Linked` is for that), but for the name that Python
    calls, and numba's listing of types, which has the machine's paths in it.
    """

    def reduce(self, cres: Any) -> Any:
        """Return what is pickled."""
        (name, kind, (code, _)), described, *more, _, reload, environments = cres._reduce()
        module = ir.Module()
        void = ir.FunctionType(ir.VoidType(), ())
        entry = ir.Function(module, void, described.llvm_cpython_wrapper_name)
        ir.IRBuilder(entry.append_basic_block()).ret_void()
        named = llvmlite.binding.parse_assembly(str(module)).as_bitcode()
        return (name, kind, (code, named)), described, *more, "", reload, environments


class _Cache(FunctionCache):
    """A kernel's cache, which does without what it cannot read or write."""

    _impl_class = _Kept

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        source = function.__code__.co_filename
        package = "".join(function.__module__.rpartition(".")[:2])
        name = package + self._impl.filename_base
        self._own = self._cache_file = _Files(self._cache_path, name, source)
        self._shipped = _Files(str(SHIPPED), name, source)

    @property
    def is_there(self) -> bool:
        """Whether the cache has something of this kernel."""
        context: Any = cpu_target.target_context
        return self._own.fit or (self._shipped.fit and _runs_shipped(context.codegen()))

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return a compiled kernel; None where there is none, or it was damaged and is deleted."""
        codegen = target_context.codegen()
        key = self._index_key(sig, codegen)
        looks = [(self._own, key)]
        if _runs_shipped(codegen):
            _, (triple, _, _), code = key
            looks.append((self._shipped, (sig, (triple, *PORTABLE), code)))
        for files, name in looks:
            try:
                data = files.load(name)
                if data is not None:
                    return self._rebuilt(data, target_context)
            except Exception as error:  # whatever unpickling half a file raises
                _tell(files.folder, f"{type(error).__name__}: {error}")
                with suppress(OSError):
                    files.remove()
        return None

    def _rebuilt(self, data: Any, target_context: Any) -> Any:
        """Load machine code as numba does, but without all that compiling needs.

        Code refers to numba's memory management; hashes of texts to a secret that the rest of numba sets.
        """
        (_, _, (code, _)), *_ = data
        if b"_numba_hashsecret" in code:
            target_context.refresh()
        else:
            rtsys.initialize(target_context)
        return self._impl.rebuild(target_context, data)

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled kernel, where that can be done: this process has it either way."""
        with suppress(OSError, EOFError, ValueError, pickle.PickleError):
            super().save_overload(sig, data)


_told = False


def _tell(folder: str, error: str) -> None:
    """Say once a process that a cache is damaged."""
    global _told  # noqa: PLW0603 - of this process
    if not _told:
        _told = True
        text = f"numba's cache in {folder} is damaged ({error}): deleted, and the kernels compiled again"
        say(text, error=True)


class _LinkedLibrary(JITCodeLibrary):
    """The code of a kernel that other kernels call: linked into theirs, and optimised there."""

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


_LOOKS = {"getattr", "getitem", "static_getitem", "exhaust_iter", "pair_first", "cast", "phi"}
"""Expressions whose arrays are parts of arrays that are there already, unless the index is an array."""


def _makes_none(state: Any) -> bool:
    """Whether a function makes no array and knows no list or text: what it looks at outlives it."""
    models = state.targetctx.data_model_manager

    def counted(kind: Any) -> bool:
        return bool(models[kind].contains_nrt_meminfo())

    def makes(found: numba_ir.Assign) -> bool:
        value = found.value
        if not isinstance(value, numba_ir.Expr) or not counted(state.typemap[found.target.name]):
            return False
        by_array = value.op == "getitem" and counted(state.typemap[value.index.name])
        return value.op not in _LOOKS or by_array

    def copies(found: numba_ir.SetItem | numba_ir.StaticSetItem) -> bool:
        return counted(state.typemap[found.value.name])  # through a copy, where both are one array

    blocks = state.func_ir.blocks.values()
    assigned = [found for block in blocks for found in block.find_insts(numba_ir.Assign)]
    kinds = (numba_ir.SetItem, numba_ir.StaticSetItem)
    stored = [found for block in blocks for found in block.find_insts(kinds)]
    others = (
        kind
        for kind in state.typemap.values()
        if not isinstance(kind, types.Array | types.BaseTuple)
    )
    held = (state.return_type, *others)
    return not (any(map(counted, held)) or any(map(makes, assigned)) or any(map(copies, stored)))


class _Uncounted(CPUContext):
    """How to lower without counts of references; what numba lowers for itself (sorting) has them as ever.

    numba counts each array that a function looks at by calls with a locked addition: half the time of kernels
    that are called per tag or per word.
    """

    @property
    def nrt(self) -> NRTContext:
        """Not kept, as numba does: contexts are copied, and made to count or not."""
        return NRTContext(self, self.enable_nrt)

    @staticmethod
    def of(state: Any) -> Any:
        """Return a function's context: this where it makes none, else as it is."""
        if not _makes_none(state):
            return state.targetctx
        made = state.targetctx.subtarget(enable_nrt=False)
        made.__dict__.pop("nrt", None)
        made.__class__ = _Uncounted
        return made


@register_pass(mutates_CFG=True, analysis_only=False)
class _LowerLinked(NativeLowering):
    """Lowering without machine code."""

    def run_pass(self, state: Any) -> bool:
        """Lower, and make the function known to the kernels that call it."""
        state.flags.no_compile = True
        state.library = _LinkedLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.targetctx = _Uncounted.of(state)
        super().run_pass(state)
        made = state["cr"]
        name = made.fndesc.qualname.split(".")[-1]
        key = _dynfunc.make_function(
            made.fndesc.lookup_module(),
            name,
            "linked, not to be called",
            0,
            made.env,
            (state.library,),
        )
        state.targetctx.insert_user_function(key, made.fndesc, [state.library])
        state["cr"] = made._replace(cfunc=key)
        return True


@register_pass(mutates_CFG=True, analysis_only=False)
class _LowerKernel(NativeLowering):
    """Lowering that hands the linked kernels' environments to their code."""

    def run_pass(self, state: Any) -> bool:
        """Lower, translate, and set what the code of linked kernels refers to."""
        state.targetctx = _Uncounted.of(state)
        super().run_pass(state)
        codegen = state.targetctx.codegen()
        for variable in state.library._final_module.global_variables:
            environment = Environment._memo.get(variable.name)
            if environment is not None:
                codegen.set_env(variable.name, environment)
        return True


class _Flags(Flags):
    """numba's flags, compared some 200,000 times for the kernels of HTML alone: their hash is one number, and
    those that are set alike are equal."""

    _HASH = hash(Flags())

    def __hash__(self) -> int:
        return self._HASH

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Flags) and self._values == other._values:
            return True
        return super().__eq__(other)


def _pipeline(lowering: type[NativeLowering]) -> type[CompilerBase]:
    """Return numba's compiler with another lowering."""

    class Pipeline(CompilerBase):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            self.state.flags = _Flags(self.state.flags)

        def define_pipelines(self) -> list[PassManager]:
            made = DefaultPassBuilder.define_nopython_pipeline(self.state)
            made.passes = [
                (lowering if one is NativeLowering else one, text) for one, text in made.passes
            ]
            return [made]

    return Pipeline


_LINKED = _pipeline(_LowerLinked)
_CALLED = _pipeline(_LowerKernel)


class _Linked(CPUDispatcher):
    """A kernel as other kernels call it: no wrapper for Python, no machine code of its own, no cache."""

    def __init__(self, function: Callable[..., Any], *, inlined: bool) -> None:
        options = {"nopython": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
        options["forceinline"] = inlined
        super().__init__(function, targetoptions=options, pipeline_class=_LINKED)

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Return how the function is called: one form for all values of an argument, constants too."""
        plain = tuple(map(types.unliteral, args))
        return super().get_call_template(plain, {k: types.unliteral(v) for k, v in kws.items()})


@contextmanager
def _one_compiler(path: str) -> Iterator[None]:
    """Let one process compile kernels of a module; another waits, and finds them in the cache."""
    with ExitStack() as stack:
        with suppress(OSError, ImportError):  # a file system without locks; Windows
            import fcntl

            file = stack.enter_context(Path(path).open("rb"))
            fcntl.flock(file, fcntl.LOCK_EX)
            stack.callback(fcntl.flock, file, fcntl.LOCK_UN)  # of forks that have the file, too
        yield


class _Kernel(CPUDispatcher):
    """A kernel as Python calls it; what the kernels that call it get is its linked form."""

    def __init__(self, function: Callable[..., Any], *, inlined: bool) -> None:
        options = {"nopython": True, "nogil": True, "no_cfunc_wrapper": True}
        super().__init__(function, targetoptions=options, pipeline_class=_CALLED)
        self._inlined = inlined
        del self._cache

    @cached_property
    def _cache(self) -> _Cache:
        """Looked up at the first call: numba writes a file into the folder for each, to see that it can."""
        return _Cache(self.py_func)

    @cached_property
    def _linked(self) -> _Linked:
        return _Linked(self.py_func, inlined=self._inlined)

    @property
    def _numba_type_(self) -> types.Dispatcher:
        linked: Any = self._linked  # kept here: its type holds it weakly
        return types.Dispatcher(linked)

    def compile(self, sig: Any) -> Any:
        """Compile the kernel for arguments of these types, or read it from the cache."""
        with _one_compiler(self.py_func.__code__.co_filename):
            return super().compile(sig)


def kernel(function: Callable[..., Any], *, inlined: bool) -> Any:
    """Return a function as Python calls it when compiled; itself, where NUMBA_DISABLE_JIT is set.

    What a kernel calls is compiled into it, once: callees get neither machine code of their own nor a
    wrapper for Python, some three tenths of a first run before. A call from Python compiles a form with both.
    NUMBA_BOUNDSCHECK=1 in the environment turns on index checks; the tests run so once.
    """
    interpreted: bool = numba.config.DISABLE_JIT  # type: ignore[attr-defined]
    return function if interpreted else _Kernel(function, inlined=inlined)


def is_cached(function: Any) -> bool:
    """Whether something of a kernel (`jit.Kernel`) is in the cache; True without numba."""
    made = function.compiled
    return not isinstance(made, _Kernel) or made._cache.is_there


def intrinsic_type(build: Callable[..., Any]) -> types.Function:
    """Return the type of a function of numba's that is built from LLVM's instructions."""
    context: Any = cpu_target.typing_context
    made = numba.extending.intrinsic(build)
    context.refresh()
    return context.resolve_value_type(made)
