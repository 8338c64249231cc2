from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

import pytest

from components import arns
from components.addons import ADDONS
from components.facts import Facts, camel, decimal, wire
from components.metrics import load_metrics
from components.pins import Image, load_pins
from components.settings import settings_from
from inferstack.catalog.load import load_catalog
from inferstack.errors import InputError
from inferstack.resources import Secret
from tests.components.running import run_function

PINS = load_pins()


class TestPins:
    @pytest.mark.parametrize("version", sorted(PINS.table["addons"]))
    def test_every_kubernetes_version_pins_every_addon(self, version: str) -> None:
        for addon in ADDONS:
            assert re.fullmatch(r"v\d+\.\d+\.\d+-eksbuild\.\d+", PINS.addon(version, addon.name))
        assert PINS.autoscaler_image(version).startswith(f"v{version}.")

    def test_every_supported_version_of_the_catalog_is_pinned_or_older_than_the_oldest_pin(self) -> None:
        oldest = min(PINS.table["addons"])
        versions = [item.version for item in load_catalog().eks_versions()]
        assert [item for item in versions if item >= oldest and item not in PINS.table["addons"]] == []

    def test_every_pin_states_its_source(self) -> None:
        for table in ("charts", "images"):
            assert all(entry["source"] for entry in PINS.table[table].values())
        assert PINS.table["addonsSource"]
        assert PINS.table["checked"]

    def test_nothing_is_pinned_to_a_moving_tag(self) -> None:
        for name in PINS.table["images"]:
            # a minor alone moves with its patches, unless a digest says which
            image, patch = PINS.image(name), r"(distroless-)?v?\d+\.\d+\.\d+"
            assert re.fullmatch(patch if image.digest is None else r"(distroless-)?v?\d+(\.\d+)+", image.tag)

    def test_stated_digests_are_digests(self) -> None:
        for name in PINS.table["images"]:
            digest = PINS.image(name).digest
            assert digest is None or re.fullmatch("sha256:[0-9a-f]{64}", digest)

    def test_the_metrics_of_the_pinned_server_are_recorded(self) -> None:
        assert load_metrics(PINS.image("vllm").version).histograms

    @pytest.mark.parametrize(
        ("image", "expected"),
        [
            (Image(repository="r/i", tag="v1"), "r/i:v1"),
            (Image(repository="r/i", tag="v1", digest="sha256:a"), "r/i:v1@sha256:a"),
            (
                Image(repository="docker.io/r/i", tag="v1", mirror="m.example/x"),
                "m.example/x/docker.io/r/i:v1",
            ),
        ],
    )
    def test_references_are_written_as_registries_read_them(self, image: Image, expected: str) -> None:
        assert image.reference == expected


@dataclass(frozen=True, kw_only=True)
class Inner:
    some_value: int | None
    other: str


@dataclass(frozen=True, kw_only=True)
class Outer(Facts):
    ttft_p95_ms: Decimal | None
    parts: tuple[Inner, ...]
    tags: dict[str, str]


class TestFacts:
    def test_props_have_wire_names_text_for_decimals_and_no_absent_values(self) -> None:
        outer = Outer(
            ttft_p95_ms=Decimal("1.50"), parts=(Inner(some_value=None, other="a"),), tags={"snake_key": "b"}
        )
        assert outer.props() == {
            "ttftP95Ms": "1.50", "parts": [{"other": "a"}], "tags": {"snake_key": "b"}
        }  # fmt: skip

    def test_absent_top_level_facts_are_left_out(self) -> None:
        assert "ttftP95Ms" not in Outer(ttft_p95_ms=None, parts=(), tags={}).props()

    def test_large_and_small_decimals_are_plain_digits(self) -> None:
        assert wire(Decimal("1E+3")) == "1000"
        assert wire(Decimal("1E-7")) == "0.0000001"

    def test_floats_become_what_people_would_write(self) -> None:
        assert str(decimal(0.1 + 0.2)) == "0.3"
        assert decimal(None) is None

    def test_names_are_camel_case(self) -> None:
        assert camel("deny_developer_countries") == "denyDeveloperCountries"


class TestArns:
    @pytest.mark.parametrize(
        ("region", "expected"),
        [("eu-central-1", "aws"), ("us-gov-west-1", "aws-us-gov"), ("cn-north-1", "aws-cn")],
    )
    def test_partitions_follow_regions(self, region: str, expected: str) -> None:
        assert arns.partition(region) == expected
        assert arns.bucket(region, "b") == f"arn:{expected}:s3:::b"

    def test_endpoint_names_follow_regions(self) -> None:
        assert arns.endpoint_service("eu-west-1", "ecr.api") == "com.amazonaws.eu-west-1.ecr.api"
        assert arns.endpoint_service("cn-north-1", "ec2") == "cn.com.amazonaws.cn-north-1.ec2"


class TestConfiguration:
    def read(self, **config: str) -> object:
        import pulumi

        from inferstack.engine.program import Run

        found: list[object] = []
        run_function(
            lambda: found.append(settings_from(pulumi.Config("inferstack"))),
            Run(config={f"inferstack:{key}": value for key, value in config.items()}),
        )
        return found[0]

    def test_nothing_is_required(self) -> None:
        settings = self.read()
        assert (settings.gateway_master_key, settings.provider_keys, settings.image_digests) == (None, {}, {})  # type: ignore[attr-defined]  # read returns what the program built

    def test_keys_and_digests_are_read(self) -> None:
        digest = "sha256:" + "a" * 64
        settings = self.read(
            **{
                "providerKey.openai": "k",
                "imageDigests": f'{{"vllm": "{digest}"}}',
                "secretsInCluster": "true",
            }
        )
        assert set(settings.provider_keys) == {"openai"}  # type: ignore[attr-defined]  # as above
        assert settings.image_digests == {"vllm": digest}  # type: ignore[attr-defined]  # as above
        assert settings.secrets_in_cluster is True  # type: ignore[attr-defined]  # as above

    @pytest.mark.parametrize("value", ['["a"]', '{"vllm": 3}', '{"vllm": "latest"}'])
    def test_what_is_no_digest_is_refused(self, value: str) -> None:
        with pytest.raises(InputError, match="imageDigests"):
            self.read(imageDigests=value)


def test_secrets_of_the_configuration_stay_secret() -> None:
    import pulumi

    from components import kube
    from components.gateway_pod import secret
    from inferstack.engine.program import Run

    def program() -> None:
        key = settings_from(pulumi.Config("inferstack")).gateway_master_key
        assert key is not None
        kube.KubernetesObject("s", secret("s", {"k": key}), pulumi.ResourceOptions())

    run = Run(
        config={"inferstack:gatewayMasterKey": "sk-hidden"}, secret_keys=("inferstack:gatewayMasterKey",)
    )
    graph = run_function(program, run)
    data = graph.of_type("kubernetes:core/v1:Secret")[0].inputs["stringData"]
    assert isinstance(data, Secret) or isinstance(data["k"], Secret)  # type: ignore[index]  # a mapping
    assert "sk-hidden" not in repr(graph)
