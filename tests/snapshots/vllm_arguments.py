"""Reads what `vllm serve` accepts out of a vLLM wheel: names, types, choices, parsers.

``python tests/snapshots/vllm_arguments.py vllm-0.33.0-*.whl [older wheels]`` prints the file
``inferstack/spec/data/vllm_snapshot.yaml``; ``pip download --no-deps vllm==0.33.0`` gets a wheel. What older
wheels accept and the first does not is listed as removed.

The wheel's own argument parser is built and asked, without a GPU and without its dependencies: modules that
are not installed (torch among them) are replaced by stand-ins that accept everything and know nothing. Of
older wheels only the source is read. Where vLLM is installed, ``tests/unit/test_vllm_snapshot.py`` compares
the file with the real thing.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import importlib.abc
import importlib.machinery
import json
import re
import subprocess
import sys
import tempfile
import types
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inferstack.spec.vllm_parser import describe

PARSER = (
    ("vllm.entrypoints.common.cli_args", "create_parser_for_docs"),
    ("vllm.entrypoints.openai.cli_args", "create_parser_for_docs"),
)
COMPILED = ("vllm._C", "vllm._moe_C", "vllm.distributed", "vllm.vllm_flash_attn")
"""Parts that need the GPU libraries; no argument is declared in them."""
TABLES = {"tool-call": "vllm/tool_parsers/__init__.py", "reasoning": "vllm/reasoning/__init__.py"}


class _Kind(type):
    """Class of the stand-ins: usable as base class, in unions, subscripted, compared."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _stand_in(name)

    def __or__(cls, other: object) -> Any:
        return cls

    __ror__ = __getitem__ = __or__

    def __iter__(cls) -> Iterator[Any]:
        return iter(())

    def __lt__(cls, other: object) -> bool:
        return False

    __le__ = __contains__ = __instancecheck__ = __lt__


class _StandIn(metaclass=_Kind):
    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __init_subclass__(cls, **_: Any) -> None: ...

    def __call__(self, *given: Any, **named: Any) -> Any:
        """A decorator gives back what it decorates."""
        return given[0] if len(given) == 1 and not named and callable(given[0]) else type(self)()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _stand_in(name)

    def __add__(self, other: object) -> Any:
        return other if isinstance(other, str) else self

    def _same(self, *_: object) -> Any:
        return self

    __radd__ = __add__
    __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __floordiv__ = __mod__ = __pow__ = __or__ = _same
    __ror__ = __and__ = __neg__ = __invert__ = __getitem__ = __enter__ = _same

    def __eq__(self, other: object) -> bool:
        return type(self).__name__ == type(other).__name__

    def __hash__(self) -> int:
        return hash(type(self).__name__)

    def _no(self, *_: object) -> bool:
        return False

    __lt__ = __le__ = __bool__ = __contains__ = __exit__ = _no

    def __gt__(self, other: object) -> bool:
        return True

    __ge__ = __gt__

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

    __int__ = __index__ = __len__

    @classmethod
    def __get_pydantic_core_schema__(cls, *_: object) -> Any:
        from pydantic_core import core_schema

        return core_schema.any_schema()


def _stand_in(name: str) -> type:
    return _Kind(name, (_StandIn,), {"__module__": "absent"})


class _Absent(types.ModuleType):
    __path__: list[str] = []  # noqa: RUF012 - marks a package
    __version__ = "99.0.0"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        setattr(self, name, _stand_in(name))
        return self.__dict__[name]


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self) -> None:
        self.roots: set[str] = set()

    def find_spec(self, name: str, *_: object) -> Any:
        compiled = any(name == part or name.startswith(f"{part}.") for part in COMPILED)
        if compiled or name.partition(".")[0] in self.roots:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _Absent(spec.name)

    def exec_module(self, module: types.ModuleType) -> None: ...


def _imported(name: str, finder: _Finder) -> types.ModuleType:
    """The module, with a stand-in for everything on the way that is not installed."""
    while True:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            root = str(error.name).partition(".")[0]
            if root in finder.roots | {"vllm"}:
                raise
            finder.roots.add(root)
            for known in [known for known in sys.modules if known.partition(".")[0] == "vllm"]:
                del sys.modules[known]


def _arguments(source: Path) -> dict[str, dict[str, Any]]:
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    sys.path.insert(0, str(source))
    for module, function in PARSER:
        try:
            build = getattr(_imported(module, finder), function, None)
        except ModuleNotFoundError:
            continue
        if build is not None:
            _without_defaults(_imported("vllm.config", finder))
            return describe(build())
    raise SystemExit("no argument parser found where earlier releases have it")


def _without_defaults(config: types.ModuleType) -> None:
    """Default configurations ask the machine for its GPUs; an argument's name and type do not need them."""
    for field in dataclasses.fields(config.VllmConfig):
        given = field.default
        if getattr(given, "default_factory", None) is not None:
            given.default_factory = lambda: None
        elif field.default_factory is not dataclasses.MISSING:
            field.default_factory = lambda: None


def _parsers(source: Path, file: str) -> list[str]:
    """Names in the module's table of lazily loaded parsers."""
    for node in ast.parse((source / file).read_text(encoding="utf-8")).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if (
            isinstance(target, ast.Name)
            and target.id.endswith("_TO_REGISTER")
            and isinstance(value, ast.Dict)
        ):
            return sorted(ast.literal_eval(key) for key in value.keys if key is not None)
    raise SystemExit(f"{file}: no table of parsers")


def _read(wheel: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder, [name for name in archive.namelist() if name.endswith(".py")])
        source = Path(folder)
        parsers = {kind: _parsers(source, file) for kind, file in TABLES.items() if (source / file).is_file()}
        return {"arguments": _arguments(source), "parsers": parsers}


def _version(wheel: Path) -> str:
    return re.split("-", wheel.name)[1]


def _in_process(wheel: Path) -> dict[str, Any]:
    """Each wheel in a process of its own: two vLLMs cannot be imported into one."""
    run = subprocess.run(
        [sys.executable, __file__, "--json", str(wheel)], capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def _page(wheel: Path, older: list[Path]) -> Iterator[str]:
    own = _in_process(wheel)
    names = {name for entry in own["arguments"].values() for name in entry["names"]}
    gone = {name for old in older for name in _accepted(old)} - names - {"help"}
    yield "# What `vllm serve` accepts, written by tests/snapshots/vllm_arguments.py; not edited by hand."
    yield f"version: {_version(wheel)}"
    yield f"source: PyPI wheel vllm {_version(wheel)}, its own argument parser"
    yield "removed:   # accepted by " + ", ".join(sorted(_version(old) for old in older))
    yield from (f"  - {name}" for name in sorted(gone))
    yield "parsers:"
    for kind, found in own["parsers"].items():
        yield f"  {kind}:"
        yield from (f"    - {name}" for name in found)
    yield "arguments:"
    for name, entry in sorted(own["arguments"].items()):
        rest = {key: value for key, value in entry.items() if key != "names"}
        aliases = [other for other in entry["names"] if other != name]
        shown = {**rest, **({"aliases": aliases} if aliases else {})}
        yield f"  {name}: {json.dumps(shown)}"


def _accepted(wheel: Path) -> set[str]:
    """Names an older release declares: options written out in its source, and the frontend's fields."""
    found: set[str] = set()
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(("/arg_utils.py", "/cli_args.py")):
                found.update(_declared(ast.parse(archive.read(name))))
    return found


def _declared(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and re.fullmatch(r"--[a-z0-9][a-z0-9-]+", str(node.value)):
            yield str(node.value).removeprefix("--")
        elif isinstance(node, ast.ClassDef) and node.name.endswith("FrontendArgs"):
            fields = (item.target for item in node.body if isinstance(item, ast.AnnAssign))
            yield from (field.id.replace("_", "-") for field in fields if isinstance(field, ast.Name))


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--json"]:
        sys.stdout.write(json.dumps(_read(Path(arguments[1]))) + "\n")
        return
    if not arguments:
        raise SystemExit(__doc__)
    wheels = [Path(argument) for argument in arguments]
    sys.stdout.writelines(f"{line}\n" for line in _page(wheels[0], wheels[1:]))


if __name__ == "__main__":
    main(sys.argv[1:])
