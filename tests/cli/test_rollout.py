"""`inferstack rollout`: verdicts, exit codes, and the one number that it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from inferstack.cli import cli, main
from inferstack.errors import InputError, OutsideError
from inferstack.rollout.prometheus import prometheus
from inferstack.rollout.queries import ITL, TTFT, Asked, percent_sent
from tests.cli.fake_prometheus import Told, answering

GOLDEN = Path(__file__).parents[1] / "golden" / "rollout"
ENVIRONMENT = (
    "apiVersion: inferstack/v1\nkind: Environment\nname: dev\n"
    'cloud: {account: "123456789012", region: us-west-2}\ngateway: {host: llm.example.com}\n'
)
WORKLOAD = (
    "apiVersion: inferstack/v1\nkind: Workload\nname: NAME\nmodel: Qwen/Qwen3-8B\n"
    "traffic: {requestsPerDay: 1000} # per day\n"
)
ROLLOUT = (
    "rollout: {strategy: canary, replaces: chat, traffic: TRAFFIC, abortOn: {errorRate: 2%, ttftP95: 1.5s}}\n"
)


@pytest.fixture
def project(tmp_path: Path):
    """The folder of an environment whose new version has so much traffic."""

    def made(traffic: int, rollout: str = ROLLOUT) -> Path:
        (tmp_path / "workloads").mkdir(exist_ok=True)
        (tmp_path / "environment.yaml").write_text(ENVIRONMENT)
        (tmp_path / "workloads" / "chat.yaml").write_text(WORKLOAD.replace("NAME", "chat"))
        new = WORKLOAD.replace("NAME", "chat-v2") + rollout.replace("TRAFFIC", str(traffic))
        (tmp_path / "workloads" / "chat-v2.yaml").write_text(new)
        return tmp_path

    return made


def version(
    name: str, window_s: int, *, requests: int, failed: float = 0, late: float = 0.0
) -> dict[str, Any]:
    asked = Asked(workload=name, window_s=window_s)
    found: dict[str, Any] = {asked.sent(): requests, asked.failed(): failed}
    for histogram, bounds in ((TTFT, (1500.0, 500.0)), (ITL, (50.0, 100.0, 80.0, 200.0, 30.0))):
        found[asked.measured(histogram)] = requests
        found[asked.p95_s(histogram)] = 0.4 if histogram == TTFT else 0.03
        found |= {asked.within(histogram, bound): requests * (1 - late) for bound in bounds}
    return found


def told(percent: float, *, age_s: float = 900, **new: Any) -> Told:
    """Gateways that send so much for so long, a new version as it is said, and an old one that does well."""
    values = {percent_sent("chat-v2", "chat", which): percent for which in ("min", "max")}
    window = round(age_s)
    for window_s in {600, window}:
        values |= version("chat-v2", window_s, **({"requests": 2000} | new))
        values |= version("chat", window_s, requests=6000, failed=6)
    asked = Asked(workload="chat-v2", window_s=60)
    values |= {asked.up(): 2, asked.targets(): 2}
    return Told(values=values, age_s=age_s, before=5 if percent != 5 else 0)


def run(folder: Path, url: str, *options: str):
    return CliRunner().invoke(cli, ["rollout", str(folder), "--prometheus", url, *options])


def asked(folder: Path, said: Told, *options: str) -> tuple[int, dict[str, Any]]:
    with answering(said) as url:
        result = run(folder, url, "--json", *options)
    assert result.stdout, result.output
    document = json.loads(result.stdout)
    assert document["version"] == 1
    (found,) = document["rollouts"]
    return result.exit_code, {**document, **found}


def file_of(folder: Path) -> str:
    return (folder / "workloads" / "chat-v2.yaml").read_text()


@pytest.mark.parametrize(
    ("traffic", "said", "verdict", "to", "code"),
    [
        (25, told(25), "advance", 50, 0),
        (50, told(50, requests=400), "advance", 100, 0),
        (100, told(100), "finished", None, 0),
        (25, told(25, requests=40), "hold", None, 0),
        (25, told(25, age_s=120), "hold", None, 0),
        (25, told(25, failed=100), "abort", 0, 1),
        (25, told(25, late=0.2), "abort", 0, 1),
        (100, told(100, failed=100), "abort", 0, 1),
        (25, told(5), "hold", None, 0),
        (25, told(25, requests=20_000, failed=200), "hold", None, 1),  # ten times the old version's
        (0, told(0), "hold", None, 0),
        (0, told(25, failed=100), "hold", None, 1),
        (25, Told(), "hold", None, 3),
    ],
    ids=lambda value: None if isinstance(value, Told) else str(value),
)
def test_verdicts_and_exit_codes(
    project, traffic: int, said: Told, verdict: str, to: int | None, code: int
) -> None:
    exit_code, found = asked(project(traffic), said)
    assert (found["verdict"], found["to"], exit_code) == (verdict, to, code), found["reasons"]


def test_what_is_not_measured_is_never_a_pass(project) -> None:
    """Each question in turn without an answer. Only what is shown, or compared, may be missing."""
    said, folder = told(25), project(25)
    asked(folder, said)
    needed = [
        query
        for query in dict.fromkeys(said.queries)
        if not query.startswith(("histogram_quantile", "sum(up", "count(up"))
        and ('workload="chat"' not in query)
    ]
    assert len(needed) == 18
    for query in needed:
        values = {key: value for key, value in said.values.items() if key != query}
        exit_code, found = asked(folder, Told(values=values, age_s=900, before=5))
        assert (exit_code, found["verdict"], found["unknown"]) == (3, "hold", True), query


class TestWrite:
    def test_the_next_step_is_one_number(self, project) -> None:
        folder = project(25)
        before = file_of(folder)
        _, found = asked(folder, told(25), "--write")
        assert found["written"] == ["chat-v2"]
        assert file_of(folder) == before.replace("traffic: 25", "traffic: 50")

    def test_an_abort_is_a_zero(self, project) -> None:
        folder = project(50)
        exit_code, _ = asked(folder, told(50, failed=100), "--write")
        assert exit_code == 1
        assert "traffic: 0," in file_of(folder)

    def test_again_it_changes_nothing_until_it_is_deployed(self, project) -> None:
        folder = project(25)
        asked(folder, told(25), "--write")
        once = file_of(folder)
        _, found = asked(folder, told(25), "--write")
        assert (found["verdict"], found["written"], file_of(folder)) == ("hold", [], once)

    @pytest.mark.parametrize("said", [told(25, requests=40), told(25, age_s=120), Told(), told(5)])
    def test_a_hold_writes_nothing(self, project, said: Told) -> None:
        folder = project(25)
        before = file_of(folder)
        _, found = asked(folder, said, "--write")
        assert (found["written"], file_of(folder)) == ([], before)

    def test_without_it_nothing_is_written(self, project) -> None:
        folder = project(25)
        before = file_of(folder)
        asked(folder, told(25))
        assert file_of(folder) == before

    def test_a_schedule_never_begins_again_after_an_abort(self, project) -> None:
        folder = project(50)
        asked(folder, told(50, failed=100), "--write")
        _, found = asked(folder, told(0), "--write")
        assert (found["verdict"], found["written"]) == ("hold", [])
        _, found = asked(folder, told(0), "--write", "--start")
        assert (found["verdict"], found["to"], found["written"]) == ("advance", 5, ["chat-v2"])
        assert "traffic: 5," in file_of(folder)

    def test_a_file_with_other_problems_is_left_alone(self, project) -> None:
        folder = project(25)
        file = folder / "workloads" / "chat-v2.yaml"
        file.write_text(file_of(folder) + "slo: {ttftP95: fast}\n")
        before = file_of(folder)
        with answering(told(25)) as url:
            result = run(folder, url, "--write")
        assert isinstance(result.exception, InputError)
        assert "ttftP95" in str(result.exception)
        assert file_of(folder) == before


class TestText:
    @pytest.mark.parametrize(
        ("name", "traffic", "said"),
        [
            ("advance", 25, told(25)),
            ("hold", 25, told(25, requests=40)),
            ("abort", 25, told(25, failed=100)),
            ("finished", 100, told(100)),
        ],
    )
    def test_output(
        self, project, request: pytest.FixtureRequest, name: str, traffic: int, said: Told
    ) -> None:
        with answering(said) as url:
            output = run(project(traffic), url).output
        golden = GOLDEN / f"{name}.txt"
        if request.config.getoption("--update-golden"):
            golden.parent.mkdir(exist_ok=True)
            golden.write_text(output, encoding="utf-8")
        assert output == golden.read_text(encoding="utf-8")

    def test_an_environment_without_a_rollout(self, project) -> None:
        folder = project(0, rollout="")
        result = run(folder, "http://127.0.0.1:1")
        assert (result.exit_code, result.output) == (
            0,
            "no workload here takes over from another (`rollout.replaces`)\n",
        )


class TestBadInput:
    def test_a_workload_that_takes_over_from_nothing(self, project) -> None:
        result = run(project(25), "http://127.0.0.1:1", "nobody")
        assert isinstance(result.exception, InputError)
        assert "accepted: chat-v2" in str(result.exception)

    @pytest.mark.parametrize("url", ["localhost:9090", "ftp://x", "http://", "http://x/?a=b"])
    def test_what_is_no_address(self, url: str) -> None:
        with pytest.raises(InputError, match="not an address"):
            prometheus(url)

    @pytest.mark.parametrize("url", ["http://p:9090", "http://p:9090/", "http://p:9090/api/v1"])
    def test_an_address_is_one_in_every_spelling(self, url: str) -> None:
        assert prometheus(url).url == "http://p:9090"


class TestOutside:
    @pytest.mark.parametrize(
        ("said", "words"),
        [
            (Told(status=500, body="oops"), "answers 500"),
            (Told(status=403, body='{"message": "no rights"}'), "answers 403: no rights"),
            (Told(status=400, body='{"status": "error", "error": "parse error"}'), "parse error"),
            (Told(body="<html>"), "is not a Prometheus API"),
            (Told(body='{"status": "success"}'), "is not a Prometheus API"),
            (Told(body="[]"), "does not answer"),
        ],
    )
    def test_what_is_no_answer(self, project, said: Told, words: str) -> None:
        with answering(said) as url:
            result = run(project(25), url)
        assert isinstance(result.exception, OutsideError)
        assert words in str(result.exception)

    def test_nobody_listens(self, project, monkeypatch, capsys) -> None:
        command = ["inferstack", "rollout", str(project(25)), "--prometheus", "http://127.0.0.1:1"]
        monkeypatch.setattr("sys.argv", command)
        with pytest.raises(SystemExit) as left:
            main()
        assert left.value.code == 3
        assert "cannot be reached" in capsys.readouterr().err

    def test_an_address_is_encoded_as_its_signature_is_computed(self) -> None:
        """Botocore encodes parameters by the rules of Signature Version 4, and takes an address as it is."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        from inferstack.rollout.prometheus import _address

        signer = SigV4Auth(Credentials("a", "b"), "aps", "eu-central-1")
        asked = {"query": Asked(workload="chat-v2", window_s=60).failed(), "time": "1.5"}
        ours = AWSRequest(method="GET", url=_address("https://x", "query", asked))
        theirs = AWSRequest(method="GET", url="https://x/api/v1/query", params=asked)
        assert signer.canonical_query_string(ours) == signer.canonical_query_string(theirs)

    def test_amazons_service_is_asked_with_signed_requests(self, monkeypatch) -> None:
        from inferstack.rollout.prometheus import _signature

        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        address = (
            "https://aps-workspaces.eu-central-1.amazonaws.com/workspaces/ws-1/api/v1/query?query=up&time=1"
        )
        headers = _signature(address)
        assert "AKIDEXAMPLE/" in headers["Authorization"]
        assert "/eu-central-1/aps/aws4_request" in headers["Authorization"]
        assert "secret" not in str(headers)
        assert _signature("https://aps-workspaces.eu-central-1.amazonaws.com.evil.example/x") == {}
