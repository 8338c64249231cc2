from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from components.pins import load_pins
from components.settings import Settings
from inferstack.engine.graph import Graph
from inferstack.errors import InputError
from inferstack.resources import Resource
from tests.components import builders
from tests.components.running import build, deploy, manifest, one, preview


def reaches(graph: Graph, start: Resource, goal: Resource) -> bool:
    """Whether ``start`` needs ``goal``: through what it depends on, and through its provider."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        item = waiting.pop()
        if item.urn == goal.urn:
            return True
        if item.urn in seen:
            continue
        seen.add(item.urn)
        provider = graph.provider(item)
        needs = [graph.by_urn[urn] for urn in item.dependencies if urn in graph.by_urn]
        waiting += [*needs, *([provider] if provider else [])]
    return False


class TestFacts:
    def test_the_environment_states_what_rules_read(self, prod: Graph) -> None:
        assert one(prod, "inferstack:index:InferenceEnvironment").inputs == {
            "environment": "prod-eu",
            "account": "123456789012",
            "region": "eu-central-1",
            "zones": list(builders.EU_ZONES),
            "residency": ["EU"],
            "production": True,
            "policy": {
                "strict": True,
                "level": "mandatory",
                "denyDeveloperCountries": [],
                "denyModels": [],
                "denyLicences": [],
                "waivers": [],
            },
            "tags": {
                "environment": "prod",
                "team": "platform",
                "inferstack.dev/environment": "prod-eu",
                "inferstack.dev/managed-by": "pulumi",
            },
            "workloads": ["chat", "embed"],
            "missingSecrets": [],
            "taggedImages": {
                name: f"{found.repository}:{found.tag}"
                for name in ("litellm", "otel-collector", "vllm")
                if (found := load_pins().image(name)).digest is None
            },
        }

    def test_a_workload_states_model_use_data_and_decision(self, prod: Graph) -> None:
        facts = one(prod, "inferstack:index:VllmService", "prod-eu-chat").inputs
        expected = {
            "workload": "chat",
            "model": "meta-llama/Llama-3.3-70B-Instruct",
            "checkpoint": "meta-llama/Llama-3.3-70B-Instruct",
            "revision": builders.PLAN.revision,
            "licence": "llama3.3",
            "developerCountry": "US",
            "gated": True,
            "owner": "team-support",
            "budgetMonthlyUsd": "60000",
            "data": {"classification": "confidential", "residency": ["EU"], "regulations": ["GDPR"]},
            "usage": {
                "commercial": True,
                "monthlyActiveUsers": 250_000,
                "annualRevenueUsd": "1000000",
                "trainsOtherModels": False,
                "redistributes": False,
                "euUsers": True,
            },
            "slo": {"availability": "0.999", "ttftP95Ms": "1500", "itlP95Ms": "80"},
            "purchase": "on-demand",
            "instanceType": "g6e.12xlarge",
            "replicas": 3,
            "minReplicas": 2,
            "maxReplicas": 8,
            "requestsPerDay": "74000",
            "inputTokens": "1200",
            "outputTokens": "250",
            "usdPerMonth": "28732.84",
            "vllmVersion": "0.33.0",
            "image": "docker.io/vllm/vllm-openai:v0.33.0",
        }
        assert {key: facts.get(key) for key in expected} == expected
        assert "imageDigest" not in facts

    def test_every_fact_is_known_at_preview(self, prod: Graph, dev: Graph, groups: Graph) -> None:
        for graph in (prod, dev, groups):
            for item in graph:
                if item.type.startswith("inferstack:"):
                    assert "unknown" not in repr(item.inputs), item.name

    def test_residency_of_the_environment_holds_for_silent_workloads(self, prod: Graph) -> None:
        facts = one(prod, "inferstack:index:VllmService", "prod-eu-embed").inputs
        assert facts["data"] == {"classification": "internal", "residency": ["EU"], "regulations": []}

    def test_the_revision_of_the_model_is_not_claimed_for_a_re_release(self) -> None:
        chosen = replace(builders.CANDIDATE, checkpoint="nvidia/Llama-3.3-70B-Instruct-FP8")
        args = builders.prod()
        plan = replace(args.plan, workloads=(replace(builders.PLAN, chosen=chosen), args.plan.workloads[1]))
        facts = one(
            preview(build(replace(args, plan=plan))), "inferstack:index:VllmService", "prod-eu-chat"
        ).inputs
        assert "revision" not in facts
        assert str(facts["weightsUri"]).endswith("/models/nvidia/Llama-3.3-70B-Instruct-FP8/main")

    def test_waivers_are_read_from_beside_the_environment(self, tmp_path: Path) -> None:
        (tmp_path / "waivers.yaml").write_text(
            "apiVersion: inferstack/v1\nkind: Waivers\nwaivers:\n"
            "  - {rule: licence-llama-mau, scope: chat, owner: a, reason: b, expires: 2027-03-31}\n"
        )
        args = builders.prod(policy={"waivers": "waivers.yaml"})
        loaded = replace(args.loaded, directory=tmp_path)
        facts = one(preview(build(replace(args, loaded=loaded))), "inferstack:index:InferenceEnvironment")
        assert facts.inputs["policy"]["waivers"] == [
            {
                "rule": "licence-llama-mau",
                "scope": "chat",
                "owner": "a",
                "reason": "b",
                "expires": "2027-03-31",
            }
        ]


class TestProviders:
    def test_everything_has_an_explicit_provider(self, prod: Graph, groups: Graph) -> None:
        for graph in (prod, groups):
            for item in graph.managed():
                provider = graph.provider(item)
                assert provider is not None, item.urn
                assert provider.type == f"pulumi:providers:{item.type.partition(':')[0]}"

    def test_the_account_is_fixed_and_everything_tagged(self, prod: Graph) -> None:
        provider = one(prod, "pulumi:providers:aws").inputs
        assert provider["region"] == "eu-central-1"
        # the SDK hands nested provider settings over as JSON text
        assert json.loads(str(provider["allowedAccountIds"])) == ["123456789012"]
        assert json.loads(str(provider["defaultTags"]))["tags"]["team"] == "platform"


class TestOrder:
    def test_objects_in_the_cluster_need_nodes_and_addons(self, prod: Graph) -> None:
        system = one(prod, "aws:eks/nodeGroup:NodeGroup", "prod-eu-cluster-system")
        network = one(prod, "aws:eks/addon:Addon", "prod-eu-cluster-vpc-cni")
        for item in prod.managed():
            if item.type.startswith("kubernetes:"):
                assert reaches(prod, item, system), item.name
                assert reaches(prod, item, network), item.name

    def test_servers_leave_before_their_nodes_and_their_device_plugin(self, prod: Graph) -> None:
        server = one(prod, "kubernetes:apps/v1:Deployment", "prod-eu-chat")
        pool = one(prod, "aws:eks/nodeGroup:NodeGroup", "prod-eu-chat-gpus")
        plugin = one(prod, "kubernetes:helm.sh/v3:Release", "prod-eu-gpu-runtime-nvidia-device-plugin")
        assert reaches(prod, server, pool)
        assert reaches(prod, server, plugin)

    def test_servers_keep_their_credentials_while_they_run(self, prod: Graph) -> None:
        server = one(prod, "kubernetes:apps/v1:Deployment", "prod-eu-chat")
        assert reaches(
            prod, server, one(prod, "aws:eks/podIdentityAssociation:PodIdentityAssociation", "prod-eu-chat")
        )

    def test_groups_need_the_kind_they_are_of(self, groups: Graph) -> None:
        server = one(groups, "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet")
        assert reaches(groups, server, one(groups, "kubernetes:helm.sh/v3:Release", "groups-services-lws"))

    def test_nothing_outside_the_cluster_waits_for_something_inside(self, prod: Graph) -> None:
        inside = {item.urn for item in prod if item.type.startswith("kubernetes:")}
        for item in prod.of_type("aws:eks/cluster:Cluster", "aws:ec2/vpc:Vpc", "aws:eks/nodeGroup:NodeGroup"):
            assert not inside & set(item.dependencies)


class TestProtection:
    def test_what_cannot_be_made_again_is_protected_in_production(self, prod: Graph, dev: Graph) -> None:
        def protected(graph: Graph) -> set[str]:
            return {item.type for item in graph if item.options.protect}

        assert protected(prod) == {
            "aws:ec2/vpc:Vpc", "aws:eks/cluster:Cluster", "aws:kms/key:Key", "aws:s3/bucket:Bucket"
        }  # fmt: skip
        assert protected(dev) == set()

    @pytest.mark.parametrize(
        ("name", "tags", "expected"),
        [
            ("prod-eu", {}, True),
            ("dev", {}, False),
            ("main", {}, True),
            ("main", {"environment": "staging"}, False),
            ("sandbox-1", {"environment": "production"}, True),
        ],
    )
    def test_what_is_not_clearly_something_else_is_production(
        self, name: str, tags: dict[str, str], expected: bool
    ) -> None:
        from components.environment_plan import resolve

        spec = builders.environment(name, tags=tags)
        args = builders.arguments(spec, builders.EU_ZONES)
        assert resolve(args.loaded, args.plan, args.catalog, args.settings).production is expected

    def test_a_renamed_workload_moves_nothing_shared(self, dev: Graph) -> None:
        spec = builders.dev().loaded.environment
        renamed = builders.arguments(
            spec,
            builders.US_ZONES,
            (
                builders.workload("helper", "Qwen/Qwen3-8B", capacity={"purchase": ["spot"]}),
                builders.small_plan(workload="helper", served_model_name="helper"),
            ),
        )
        before = {item.urn for item in dev.managed()}
        after = {item.urn for item in preview(build(renamed)).managed()}
        gone = {urn.rpartition("::")[2] for urn in before - after}
        assert gone == {
            "dev-assistant", "dev-assistant-gpus", "dev-assistant-gpus-ephemeral-storage"
        }  # fmt: skip
        kept = {item.type for item in dev.managed() if item.urn in after}
        assert {"aws:ec2/vpc:Vpc", "aws:eks/cluster:Cluster", "aws:s3/bucket:Bucket"} <= kept
        assert "kubernetes:batch/v1:Job" in kept  # the weights are the same

    def test_another_instance_type_changes_only_its_pool_and_server(self, dev: Graph) -> None:
        args = builders.dev()
        chosen = replace(builders.SMALL, instance_type="g6.2xlarge")
        plan = replace(args.plan, workloads=(builders.small_plan(chosen=chosen),))
        other = preview(build(replace(args, plan=plan)))
        assert {item.urn for item in other} == {item.urn for item in dev}
        changed = {item.name for item in other if item.inputs != dev.by_urn[item.urn].inputs}
        assert changed == {"dev-assistant", "dev-assistant-gpus", "dev-assistant-gpus-ephemeral-storage"}


class TestSecrets:
    def test_a_preview_needs_none_and_says_which_an_update_will(self) -> None:
        args = replace(builders.prod(), settings=Settings())
        facts = one(preview(build(args)), "inferstack:index:InferenceEnvironment").inputs
        assert facts["missingSecrets"] == ["gatewayMasterKey", "huggingFaceToken"]

    def test_an_update_without_them_never_starts(self) -> None:
        args = replace(builders.prod(), settings=Settings())
        with pytest.raises(InputError, match=r"inferstack:gatewayMasterKey.*needed and not set") as caught:
            deploy(build(args))
        assert len(caught.value.problems) == 2

    def test_they_may_come_from_elsewhere(self) -> None:
        recorder = deploy(build(replace(builders.prod(), settings=Settings(secrets_in_cluster=True))))
        assert not [item for item in recorder.resources if item.typ.endswith(":Secret")]

    def test_open_models_without_a_gateway_need_none(self) -> None:
        deploy(build(replace(builders.dev(), settings=Settings())))

    def test_keys_of_disabled_backends_are_not_asked_for(self) -> None:
        """OpenAI is not cleared for confidential data, so its key would be of no use."""
        args = replace(builders.prod(), settings=Settings())
        facts = one(preview(build(args)), "inferstack:index:InferenceEnvironment").inputs
        assert "providerKey.openai" not in facts["missingSecrets"]


class TestSettings:
    def test_digests_pin_images(self) -> None:
        digest = "sha256:" + "a" * 64
        settings = replace(builders.SECRETS, image_digests={"vllm": digest})
        graph = preview(build(replace(builders.prod(), settings=settings)))
        container = manifest(graph, "Deployment", "model-chat")["spec"]["template"]["spec"]["containers"][0]
        assert container["image"] == f"docker.io/vllm/vllm-openai:v0.33.0@{digest}"
        assert one(graph, "inferstack:index:VllmService", "prod-eu-chat").inputs["imageDigest"] == digest

    def test_a_mirror_is_put_before_every_image_of_ours(self) -> None:
        graph = preview(
            build(builders.prod(registry="123456789012.dkr.ecr.eu-central-1.amazonaws.com/mirror"))
        )
        images = {
            container["image"]
            for kind in ("kubernetes:apps/v1:Deployment", "kubernetes:batch/v1:Job")
            for item in graph.of_type(kind)
            for container in item.inputs["spec"]["template"]["spec"]["containers"]
        }
        assert images
        assert all(
            image.startswith("123456789012.dkr.ecr.eu-central-1.amazonaws.com/mirror/") for image in images
        )

    def test_a_digest_for_an_unknown_image_is_refused(self) -> None:
        settings = replace(builders.SECRETS, image_digests={"vlm": "sha256:x"})
        with pytest.raises(InputError, match=r"imageDigests\.vlm.*accepted: litellm, otel-collector, vllm"):
            preview(build(replace(builders.dev(), settings=settings)))


class TestProblems:
    def test_a_plan_for_another_region_is_refused(self) -> None:
        args = builders.prod()
        chosen = replace(builders.CANDIDATE, region="eu-west-1")
        plan = replace(args.plan, workloads=(replace(builders.PLAN, chosen=chosen), args.plan.workloads[1]))
        with pytest.raises(InputError, match="chat is planned in eu-west-1, the cluster is in eu-central-1"):
            preview(build(replace(args, plan=plan)))


class TestScale:
    def test_forty_workloads_with_the_longest_names_fit_every_limit(self) -> None:
        names = [f"{'w' * 37}-{number:02d}" for number in range(40)]
        pairs = [
            (
                builders.workload(name, "Qwen/Qwen3-8B"),
                builders.small_plan(workload=name, served_model_name=name),
            )
            for name in names
        ]
        spec = builders.environment(
            "e" * 40,
            cloud={"account": "111122223333", "region": "us-west-2"},
            monitoring={"stack": "prometheus"},
            gateway={"host": "llm.example.com"},
        )
        graph = preview(build(builders.arguments(spec, builders.US_ZONES, *pairs)))
        assert len(graph.of_type("inferstack:index:VllmService")) == 40
        assert len({item.urn for item in graph}) == len(graph)
        for item in graph.managed():
            assert len(item.name) <= 55, item.name
            metadata = item.inputs.get("metadata")
            if isinstance(metadata, dict) and item.type.startswith("kubernetes:"):
                assert len(metadata["name"]) <= 63
        assert len(str(one(graph, "aws:s3/bucket:Bucket").inputs["bucket"])) <= 63
        assert len(str(one(graph, "aws:eks/cluster:Cluster").inputs["name"])) <= 100

    def test_prices_keep_their_cents(self, prod: Graph) -> None:
        total = sum(
            Decimal(str(item.inputs["usdPerMonth"])) for item in prod.of_type("inferstack:index:GpuPool")
        )
        assert total == Decimal("57465.68")


def test_a_region_with_one_usable_zone_cannot_hold_a_control_plane() -> None:
    from components.environment_plan import resolve

    args = builders.prod()
    region = args.catalog.region("eu-central-1").model_copy(update={"zones": builders.EU_ZONES[:1]})

    class Narrow:
        """The catalog, with one zone in the region."""

        def region(self, name: str) -> object:
            return region

        def __getattr__(self, name: str) -> object:
            return getattr(args.catalog, name)

    plan = replace(args.plan, zones=builders.EU_ZONES[:1])
    with pytest.raises(InputError, match=r"cloud\.zones.*two zones.*eu-central-1 offers 1"):
        resolve(args.loaded, plan, Narrow(), args.settings)  # type: ignore[arg-type]  # stands in for the catalog


def test_a_model_outside_the_catalog_is_served_without_its_facts() -> None:
    plan = builders.small_plan(
        model_id="acme/own-model", chosen=replace(builders.SMALL, checkpoint="acme/own-model")
    )
    args = builders.dev()
    served = builders.workload("assistant", "acme/own-model")
    pair = builders.arguments(args.loaded.environment, builders.US_ZONES, (served, plan))
    facts = one(preview(build(pair)), "inferstack:index:VllmService").inputs
    assert facts["model"] == "acme/own-model"
    assert "gated" not in facts
