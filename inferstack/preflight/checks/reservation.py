"""Capacity reservations and capacity blocks: there, active, of the right type and zone, and large enough."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from inferstack.preflight.aws import ApiError
from inferstack.preflight.needs import Pool
from inferstack.preflight.types import Check, Finding, Status, Subject

ENDS_SOON: Final = dt.timedelta(days=7)
_Problem = tuple[Status, str, str | None]
_ABSENT: Final = (Status.FAIL, "is not in this account and region", "capacity.reservationId of one that is")
_NOT_YET: Final = ("scheduled", "pending", "payment-pending", "assessing", "delayed")


def _run(subject: Subject) -> Iterator[Finding]:
    for pool in subject.needs.pools:
        if pool.reservation_id is not None:
            found = _found(pool.reservation_id, subject)
            for problem in _problems(found[0], pool, subject) if found else [_ABSENT]:
                yield _finding(pool, subject, *problem)


def _found(reservation_id: str, subject: Subject) -> Sequence[Mapping[str, Any]]:
    try:
        answer = subject.account.call(
            "ec2", "describe_capacity_reservations", CapacityReservationIds=[reservation_id]
        )
    except ApiError as error:
        if error.code.startswith("InvalidCapacityReservationId"):
            return ()
        raise
    reservations: Sequence[Mapping[str, Any]] = answer.get("CapacityReservations", ())
    return reservations


def _problems(found: Mapping[str, Any], pool: Pool, subject: Subject) -> Iterator[_Problem]:
    """What is wrong with a reservation; one line that all is well when nothing is."""
    problems = [*_state(found), *_fits(found, pool), *_end(found, subject.today)]
    if problems:
        yield from problems
        return
    free, total = found.get("AvailableInstanceCount"), found.get("TotalInstanceCount")
    text = f"is active: {total} x {found['InstanceType']} in {found.get('AvailabilityZoneId')}, {free} free"
    yield Status.OK, text, None


def _state(found: Mapping[str, Any]) -> Iterator[_Problem]:
    state = found.get("State")
    if state in _NOT_YET:
        start = found.get("StartDate")
        when = f" and starts {start:%Y-%m-%d %H:%M} UTC" if start else ""
        yield Status.WARN, f"is {state}{when}: no node comes up before", "run `up` when it is active"
    elif state != "active":
        yield Status.FAIL, f"is {state}", "a new reservation, and its id in capacity.reservationId"


def _fits(found: Mapping[str, Any], pool: Pool) -> Iterator[_Problem]:
    held, zone = found.get("InstanceType"), found.get("AvailabilityZoneId")
    if held != pool.instance_type:
        yield (
            Status.FAIL,
            f"holds {held}, planned is {pool.instance_type}",
            f"capacity.allowInstanceTypes: [{held}]",
        )
    if zone not in pool.zones:
        yield Status.FAIL, f"is in {zone}, planned is {', '.join(pool.zones)}", f"capacity.zones: [{zone}]"
    total = found.get("TotalInstanceCount", 0)
    if total < pool.nodes:
        fix = f"capacity.replicas.max that needs at most {total} nodes, or a larger reservation"
        yield Status.FAIL, f"holds {total} instances, planned are {pool.nodes}", fix
    elif total < pool.max_nodes:
        yield (
            Status.WARN,
            f"holds {total} instances, scaled out it takes {pool.max_nodes}",
            "capacity.surge: 0",
        )


def _end(found: Mapping[str, Any], today: dt.date) -> Iterator[_Problem]:
    end = found.get("EndDate")
    if end is not None and end.date() - today < ENDS_SOON:
        block = found.get("ReservationType") == "capacity-block"
        early = "; its instances end 30 minutes earlier" if block else ""
        yield (
            Status.WARN,
            f"ends {end:%Y-%m-%d %H:%M} UTC{early}",
            "extend it, or plan where the workload goes",
        )


def _finding(pool: Pool, subject: Subject, status: Status, what: str, fix: str | None) -> Finding:
    return Finding(
        check="reservation",
        status=status,
        what=f"{pool.reservation_id} {what}",
        where=f"{subject.needs.region}, workload {pool.workload}",
        fix=fix,
    )


RESERVATION = Check(id="reservation", title="Capacity reservations are usable", run=_run)
