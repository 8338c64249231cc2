"""What the servers of an environment are launched with, as vLLM's own parser would read it."""

from __future__ import annotations

import argparse

import pytest

from inferstack.review.launches import Launch, launches, refusals
from tests.example_graphs import graph

GOOD = Launch(server="chat", arguments=("s3://weights", "--port", "8000", "--address", "$(POD_IP)"))


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--port", type=int)
    parser.add_argument("--address")
    return parser


def passes(_: argparse.Namespace) -> None: ...


def test_every_server_of_an_example_is_found_with_its_arguments() -> None:
    found = launches(graph("prod-eu"))
    assert len(found) >= 3
    assert all("--served-model-name" in launch.arguments for launch in found)
    assert all(not launch.arguments[0].startswith("-") for launch in found)


def test_what_is_fine_is_no_problem(parser: argparse.ArgumentParser) -> None:
    assert refusals(parser, passes, [GOOD]) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("m", "--port", "many"), "argument --port: invalid int value: 'many'"),
        (("m", "--gone", "1"), "unrecognized arguments: --gone 1"),
        ((), "the following arguments are required: model"),
    ],
)
def test_a_refusal_names_server_and_reason_and_the_others_are_still_read(
    arguments: tuple[str, ...], said: str, parser: argparse.ArgumentParser
) -> None:
    bad = Launch(server="search", arguments=arguments)
    first, second = refusals(parser, passes, [bad, GOOD, bad])
    assert (first.path, first.message) == ("search", f"vLLM refuses to start: {said}")
    assert second == first


def test_its_look_at_parsed_arguments_counts(parser: argparse.ArgumentParser) -> None:
    def check(arguments: argparse.Namespace) -> None:
        if arguments.port == 8000:
            raise TypeError("Error: --port 8000 requires something else")

    (found,) = refusals(parser, check, [GOOD])
    assert found.message.endswith("--port 8000 requires something else")
