"""Where the gateway's host name points today."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.preflight.types import Check, Finding, Status, Subject


def _run(subject: Subject) -> Iterator[Finding]:
    for gateway in subject.needs.gateways:
        yield _judge(gateway.host, subject)


def _judge(host: str, subject: Subject) -> Finding:
    try:
        addresses = subject.resolve(host)
    except OSError as error:
        what, fix = f"the name service did not answer ({error})", "run it again where DNS works"
        return Finding(check="dns", status=Status.UNKNOWN, what=what, where=host, fix=fix)
    point = "after `up`, a CNAME to `pulumi stack output loadBalancer`"
    if not addresses:
        what = "has no address yet: callers cannot find the gateway"
        return Finding(check="dns", status=Status.WARN, what=what, where=host, fix=point)
    what = f"resolves to {', '.join(addresses)}"
    return Finding(check="dns", status=Status.OK, what=what, where=host, fix=f"if that is not it: {point}")


DNS = Check(id="dns", title="Host name of the gateway", run=_run, online=False)
