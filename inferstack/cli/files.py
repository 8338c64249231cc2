"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from inferstack.errors import InputError, OutsideError, Problem


def write_file(path: Path, text: str, *, overwrite: bool) -> None:
    """Write ``text`` as UTF-8 and create missing folders; a reader never sees half of it.

    Raises:
        InputError: the file is there and ``overwrite`` is false.
        OutsideError: the disk refuses.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.chmod(0o644)
            if overwrite:
                temporary.replace(path)
            else:
                os.link(temporary, path)  # unlike a rename, it fails where something is
        finally:
            temporary.unlink(missing_ok=True)
    except FileExistsError:
        raise InputError(
            Problem(
                message="is there already", file=str(path), accepted="another name, or --force to replace it"
            )
        ) from None
    except OSError as error:
        raise OutsideError(f"cannot write {path}: {error.strerror or error}") from None
