"""What scalers and alerts ask of the gateway's metrics is really counted, for failures too."""

from __future__ import annotations

import re
import time
from collections import Counter

import pytest

from components.metrics import load_metrics
from components.monitors import GATEWAY
from tests.gateway.fake_backend import Behaviour, FakeBackend
from tests.gateway.proxy import MASTER_KEY, Proxy

pytestmark = pytest.mark.gateway
TOTAL = "litellm_proxy_total_requests_metric_total"
LINE = re.compile(rf"^{TOTAL}{{(?P<labels>.*)}} (?P<value>[0-9.e+]+)$", re.MULTILINE)


def exported(gateway: Proxy) -> str:
    """As Prometheus scrapes it: the monitored path, no key."""
    connection = gateway.connect()
    try:
        response = gateway.send(connection, GATEWAY.path, None, None)
        assert response.status == 200
        return response.read().decode()
    finally:
        connection.close()


def requests_by_model(gateway: Proxy) -> Counter[str]:
    found: Counter[str] = Counter()
    for match in LINE.finditer(exported(gateway)):
        labels = dict(re.findall(r'(\w+)="([^"]*)"', match["labels"]))
        found[labels["requested_model"]] += round(float(match["value"]))
    return found


def settled(gateway: Proxy) -> Counter[str]:
    """The counts once they stand still: the proxy counts after the answer is out."""
    found = requests_by_model(gateway)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        time.sleep(1)
        later = requests_by_model(gateway)
        if later == found:
            return found
        found = later
    pytest.fail("the counts never stand still")


def test_requests_are_counted_by_the_name_callers_used(gateway: Proxy) -> None:
    before = settled(gateway)
    for _ in range(3):
        assert gateway.chat("chat").status == 200
    after = settled(gateway)
    assert after - before == Counter({"chat": 3})


def test_a_request_that_nobody_could_answer_counts_and_so_wakes_a_sleeping_model(
    gateway: Proxy, own: FakeBackend
) -> None:
    before = settled(gateway)
    own.behaviour["model-secret"] = Behaviour(status=503)
    assert gateway.chat("secret").status >= 500
    assert (settled(gateway) - before)["secret"] >= 1


def test_names_and_labels_are_those_on_record(gateway: Proxy) -> None:
    assert gateway.chat("chat").status == 200
    assert settled(gateway)["chat"] >= 1
    known = load_metrics("0.33.0").series[TOTAL]
    for match in LINE.finditer(exported(gateway)):
        labels = {name for name, _ in re.findall(r'(\w+)="([^"]*)"', match["labels"])}
        assert {"requested_model", "status_code"} <= labels
    assert {"requested_model", "status_code"} <= known


def test_no_key_and_no_prompt_is_in_them(gateway: Proxy) -> None:
    gateway.chat("chat", prompt="the-secret-of-the-prompt")
    text = exported(gateway)
    assert "the-secret-of-the-prompt" not in text
    assert MASTER_KEY not in text
