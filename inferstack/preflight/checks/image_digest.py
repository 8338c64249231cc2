"""Images that run by tag: their digests, when the registries may be asked, as commands that pin them."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.preflight.needs import TaggedImage
from inferstack.preflight.registry import RegistryError, digest_of
from inferstack.preflight.types import Check, Finding, Status, Subject


def _run(subject: Subject) -> Iterator[Finding]:
    for image in subject.needs.tagged_images:
        status, what, fix = _verdict(image, subject)
        yield Finding(check="image-digest", status=status, what=what, where=f"image {image.name}", fix=fix)


def _verdict(image: TaggedImage, subject: Subject) -> tuple[Status, str, str]:
    command = f"pulumi config set --path 'inferstack:imageDigests.{image.name}'"
    stack = f"--stack {subject.needs.environment}"
    by_tag = f"{image.reference} runs by its tag, which its publisher can move"
    if not subject.ask_registries:
        return Status.WARN, by_tag, f"--images asks for its digest; or: {command} sha256:... {stack}"
    try:
        digest = digest_of(image.reference)
    except RegistryError as error:
        return (
            Status.UNKNOWN,
            f"{image.reference} could not be asked for: {error}",
            "run it again, or without --images",
        )
    return Status.WARN, by_tag, f"{command} {digest} {stack}"


IMAGE_DIGEST = Check(id="image-digest", title="Digests of images", run=_run, online=False)
