"""The Pulumi project on disk: `Pulumi.yaml`, stack configuration, and the stack of an environment file.

Nothing is decrypted and no backend is asked: a stack file written for Pulumi Cloud, for a bucket with a KMS
secrets provider or for a local folder reads the same, and its encrypted values stay unreadable.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from inferstack.engine.wire import MASK
from inferstack.errors import InputError, Problem

ENVIRONMENT_KEY: Final = "inferstack:environment"
_NO_DEFAULT_PROVIDERS: Final = "pulumi:disable-default-providers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A folder with a `Pulumi.yaml`."""

    root: Path
    name: str
    main: Path
    """Folder of the program; the working directory while it runs."""
    config_dir: Path
    defaults: Mapping[str, str] = field(default_factory=dict)
    """Configuration that `Pulumi.yaml` gives every stack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One stack of a project, ready to run."""

    project: Project
    stack: str
    environment: Path
    """The environment file, absolute."""
    config: Mapping[str, str]
    secret_keys: tuple[str, ...] = ()


def find_project(*starts: Path) -> Project:
    """The project of the first start that is in one (the folder or one above it); else this package's own."""
    own = Path(__file__).resolve().parents[2]
    for start in (*starts, own):
        here = start.resolve()
        for folder in (here, *here.parents):
            if (folder / "Pulumi.yaml").is_file():
                return _read_project(folder)
    raise InputError(
        Problem(
            message="no Pulumi.yaml here or above",
            file=str(starts[0]) if starts else None,
            accepted="a folder of a project; `inferstack init` starts one",
        )
    )


def resolve(environment: Path) -> Target:
    """The stack of an environment file, named after its folder; run by the project around it or else ours."""
    file = environment.resolve()
    project = find_project(file.parent, Path.cwd())
    stack = file.parent.name
    config, secret_keys = _stack_config(project, stack)
    relative = os.path.relpath(file, project.main)
    configured = config.get(ENVIRONMENT_KEY)
    if configured is None or (project.main / configured).resolve() != file:
        config[ENVIRONMENT_KEY] = Path(relative).as_posix()
    return Target(project=project, stack=stack, environment=file, config=config, secret_keys=secret_keys)


def providers_required(config: Mapping[str, str]) -> frozenset[str]:
    """Packages whose default provider the configuration disables."""
    text = config.get(_NO_DEFAULT_PROVIDERS, "[]")
    try:
        names = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{_NO_DEFAULT_PROVIDERS} is not a list: {text!r}") from error
    return frozenset(str(name) for name in names)


def _read_project(folder: Path) -> Project:
    document = read_mapping(folder / "Pulumi.yaml")
    name = document.get("name")
    if not isinstance(name, str):
        raise InputError(Problem(message="a project needs a name", file="Pulumi.yaml", path="name"))
    return Project(
        root=folder,
        name=name,
        main=(folder / str(document.get("main", "."))).resolve(),
        config_dir=(folder / str(document.get("stackConfigDir", "."))).resolve(),
        defaults=_project_defaults(document.get("config"), name),
    )


def _project_defaults(config: object, project: str) -> dict[str, str]:
    """`config:` of Pulumi.yaml: a plain value, or a declaration with `value` or `default`."""
    if not isinstance(config, Mapping):
        return {}
    found: dict[str, str] = {}
    for key, declared in config.items():
        value = declared
        if isinstance(declared, Mapping):
            value = declared.get("value", declared.get("default"))
        if value is not None:
            found[_full_key(str(key), project)] = _config_text(value)
    return found


def _stack_config(project: Project, stack: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Configuration of a stack and its secret keys; a stack without a file has the project's defaults."""
    config = dict(project.defaults)
    path = project.config_dir / f"Pulumi.{stack}.yaml"
    if not path.is_file():
        config.setdefault(_NO_DEFAULT_PROVIDERS, '["*"]')
        return config, ()
    secret_keys = []
    values = read_mapping(path).get("config") or {}
    if not isinstance(values, Mapping):
        raise InputError(Problem(message="`config` must be a mapping", file=str(path), path="config"))
    for key, value in values.items():
        full = _full_key(str(key), project.name)
        readable, secret = _without_ciphertext(value)
        config[full] = _config_text(readable)
        if secret:
            secret_keys.append(full)
    return config, tuple(sorted(secret_keys))


def _full_key(key: str, project: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _without_ciphertext(value: Any) -> tuple[Any, bool]:
    """The value with every `secure:` leaf masked, and whether there was one."""
    if isinstance(value, Mapping):
        if set(value) == {"secure"}:
            return MASK, True
        parts = {str(key): _without_ciphertext(item) for key, item in value.items()}
        return {key: part for key, (part, _) in parts.items()}, any(secret for _, secret in parts.values())
    if isinstance(value, list):
        items = [_without_ciphertext(item) for item in value]
        return [item for item, _ in items], any(secret for _, secret in items)
    return value, False


def _config_text(value: Any) -> str:
    """As the engine hands configuration to a program: strings as they are, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


class _Loader(yaml.SafeLoader):
    """YAML as the engine reads it: `yes`, `on` and dates are text, only `true` and `false` are booleans."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, found) for tag, found in resolvers if not tag.endswith((":bool", ":timestamp"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile("true|True|TRUE|false|False|FALSE"), list("tTfF")
)


def read_mapping(path: Path) -> Mapping[str, Any]:
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506  a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise InputError(Problem(message=f"cannot be read: {error}", file=str(path))) from error
    if document is None:
        return {}
    if not isinstance(document, Mapping):
        raise InputError(Problem(message="must be a mapping", file=str(path)))
    return document
