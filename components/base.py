"""What every component shares: a type token, plain facts as props, and options for its children."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.facts import Facts

TYPE_PREFIX = "inferstack:index:"


class Component(pulumi.ComponentResource):
    """A component whose props are its ``facts``: plain values, known at preview, read by rules and the bill.

    Pulumi turns props into attributes too, so a component's own attributes have other names than its facts.

    Providers come from the parent's options; children get the component as parent and nothing by accident.
    """

    def __init__(self, kind: str, name: str, facts: Facts, opts: pulumi.ResourceOptions | None) -> None:
        super().__init__(TYPE_PREFIX + kind, name, facts.props(), opts)
        self.facts = facts
        self.name = name

    def child(
        self,
        *,
        depends_on: Sequence[pulumi.Resource] = (),
        protect: bool | None = None,
        ignore_changes: Sequence[str] = (),
        minutes: int | None = None,
        retain_on_delete: bool = False,
        delete_before_replace: bool = False,
    ) -> pulumi.ResourceOptions:
        """Options of a child; ``minutes`` bounds create, update and delete."""
        return pulumi.ResourceOptions(
            parent=self,
            depends_on=list(depends_on) or None,
            protect=protect or None,
            ignore_changes=list(ignore_changes) or None,
            custom_timeouts=_timeouts(minutes),
            retain_on_delete=retain_on_delete or None,
            delete_before_replace=delete_before_replace or None,
        )


def _timeouts(minutes: int | None) -> pulumi.CustomTimeouts | None:
    if minutes is None:
        return None
    return pulumi.CustomTimeouts(create=f"{minutes}m", update=f"{minutes}m", delete=f"{minutes}m")
