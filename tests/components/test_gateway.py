from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from components.gateway import external_statements, host_name
from components.gateway_args import teams
from components.gateway_config import GatewaySettings, gateway_config
from components.gateway_times import BALANCER_LIMIT_S, NAT_IDLE_S, PROBE_S, gateway_times
from components.iam import Place
from components.load_balancer import CLUSTER_TAG, controller_statements, controller_values
from components.routes import Backend, groups, providers, route_facts
from components.served_facts import FallbackFacts
from components.vllm_pod import CLIENT_KEEP_ALIVE_S
from components.waf import web_acl_inputs
from inferstack.engine.graph import Graph
from inferstack.facts import CLASSIFICATIONS, LITELLM_PREFIXES, may_leave
from inferstack.resources import UNKNOWN, Secret
from tests.components import builders
from tests.components.running import build, deploy, manifest, one, preview

PLACE = Place(account="123456789012", region="eu-central-1", cluster="inferstack-prod-eu")
PREFIX = "alb.ingress.kubernetes.io"


def fallback(provider: str, model: str, *, enabled: bool = True, **changes: Any) -> FallbackFacts:
    values = {"region": None, "endpoint": None, "max_classification": "internal", "reasons": ("error",)}
    return FallbackFacts(provider=provider, model=model, enabled=enabled, **{**values, **changes})


def backend(*fallbacks: FallbackFacts, classification: str = "internal", task: str = "chat") -> Backend:
    return Backend(
        workload="chat",
        served_model_name="chat",
        task=task,
        url="http://model-chat.llm-serving.svc.cluster.local:8000/v1",
        classification=classification,
        region="eu-central-1",
        fallbacks=fallbacks,
    )


def configured(*backends: Backend, auth: str = "keys", timeout_s: int = 600) -> Mapping[str, Any]:
    times = gateway_times(backends, timeout_s=timeout_s)
    return gateway_config(backends, GatewaySettings(auth=auth, times=times))


def models(config: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {item["model_name"]: item["litellm_params"] for item in config["model_list"]}


class TestConfiguration:
    def test_every_workload_is_a_model(self, prod: Graph) -> None:
        config_map = next(
            item.inputs
            for item in prod.of_type("kubernetes:core/v1:ConfigMap")
            if item.name == "prod-eu-gateway"
        )
        config = yaml.safe_load(config_map["data"]["config.yaml"])
        found = models(config)
        assert found["chat"] == {
            "model": "hosted_vllm/chat",
            "api_base": "http://model-chat.llm-serving.svc.cluster.local:8000/v1",
            "api_key": "none",
            "cooldown_time": 0,
            "timeout": 600,
            "stream_timeout": 600,
            "input_cost_per_token": 2.1e-06,
            "output_cost_per_token": 2.1e-06,
        }
        assert set(found) == {"chat", "embed", "chat-fallback-1"}
        modes = {item["model_name"]: item["model_info"]["mode"] for item in config["model_list"]}
        assert modes == {"chat": "chat", "chat-fallback-1": "chat", "embed": "embedding"}

    def test_what_is_more_protected_than_a_backend_is_cleared_for_never_gets_there(self, prod: Graph) -> None:
        """Chat is confidential: Bedrock is cleared for that, OpenAI only for internal data."""
        config_map = next(
            item.inputs
            for item in prod.of_type("kubernetes:core/v1:ConfigMap")
            if item.name == "prod-eu-gateway"
        )
        text = config_map["data"]["config.yaml"]
        assert "bedrock/eu.anthropic.claude-sonnet-4-5" in text
        assert "openai" not in text
        facts = one(prod, "inferstack:index:VllmService", "prod-eu-chat").inputs["fallback"]
        assert [(item["provider"], item["enabled"]) for item in facts] == [
            ("bedrock", True),
            ("openai", False),
        ]

    @given(data=st.sampled_from(CLASSIFICATIONS), cleared=st.sampled_from(CLASSIFICATIONS))
    def test_restricted_data_never_leaves_and_others_only_within_their_class(
        self, data: str, cleared: str
    ) -> None:
        allowed = may_leave(data, cleared)
        assert not (data == "restricted" and allowed)
        if allowed:
            assert CLASSIFICATIONS.index(data) <= CLASSIFICATIONS.index(cleared)

    def test_fallbacks_are_tried_in_order_and_only_from_their_workload(self) -> None:
        config = configured(
            backend(fallback("bedrock", "eu.amazon.nova-pro-v1:0"), fallback("together", "meta/llama"))
        )
        assert config["router_settings"]["fallbacks"] == [{"chat": ["chat-fallback-1", "chat-fallback-2"]}]
        found = models(config)
        times = {"timeout": 600, "stream_timeout": 600, "cooldown_time": 15}
        assert found["chat-fallback-1"] == {
            "model": "bedrock/eu.amazon.nova-pro-v1:0", "aws_region_name": "eu-central-1", **times
        }  # fmt: skip
        assert found["chat-fallback-2"] == {
            "model": "together_ai/meta/llama", "api_key": "os.environ/TOGETHERAI_API_KEY", **times
        }  # fmt: skip

    def test_without_fallbacks_there_is_an_empty_list(self) -> None:
        assert configured(backend())["router_settings"]["fallbacks"] == []

    @pytest.mark.parametrize(
        ("task", "mode"), [("rerank", "rerank"), ("embed", "embedding"), ("code", "chat")]
    )
    def test_the_mode_follows_the_task(self, task: str, mode: str) -> None:
        config = configured(backend(task=task))
        assert config["model_list"][0]["model_info"]["mode"] == mode

    def test_no_key_is_ever_in_the_configuration(self) -> None:
        every = [fallback(provider, "m") for provider in sorted(LITELLM_PREFIXES)]
        config = configured(backend(*every))
        keys = {params.get("api_key") for params in models(config).values()}
        assert all(key is None or key == "none" or key.startswith("os.environ/") for key in keys)
        assert config["general_settings"]["master_key"] == "os.environ/LITELLM_MASTER_KEY"

    def test_dedicated_endpoints_are_called_where_they_are(self) -> None:
        item = fallback("huggingface", "tgi", endpoint="https://x.eu-west-1.aws.endpoints.huggingface.cloud")
        params = models(configured(backend(item), auth="none"))["chat-fallback-1"]
        assert params["api_base"] == "https://x.eu-west-1.aws.endpoints.huggingface.cloud"

    def test_without_keys_there_is_no_master_key(self) -> None:
        assert "master_key" not in configured(backend(), auth="none")["general_settings"]

    def test_prompts_are_not_logged_and_nothing_is_reported_home(self) -> None:
        settings = configured(backend())["litellm_settings"]
        assert settings["turn_off_message_logging"] is True
        assert settings["telemetry"] is False

    @given(
        text=st.text(
            alphabet=st.characters(codec="utf-8", max_codepoint=0xFFFF, exclude_categories=["Cs", "Cc"]),
            min_size=1,
        )
    )
    def test_any_model_name_survives_the_template(self, text: str) -> None:
        found = models(configured(backend(fallback("openai", text))))
        assert found["chat-fallback-1"]["model"] == f"openai/{text}"


class TestTimes:
    """Every link waits longer than the one behind it."""

    @given(timeout=st.integers(1, 900), chain=st.integers(0, 8))
    def test_each_link_outlasts_the_one_behind_it(self, timeout: int, chain: int) -> None:
        item = backend(*(fallback("openai", str(n)) for n in range(chain)))
        times = gateway_times([item, backend()], timeout_s=timeout)
        assert 1 <= times.attempt_s <= timeout
        assert times.attempts >= 2 * (1 + chain)
        chained = (times.silence_s, times.balancer_idle_s, times.server_keep_alive_s)
        assert list(chained) == sorted(set(chained))
        assert times.balancer_idle_s <= BALANCER_LIMIT_S
        assert times.client_keep_alive_s < CLIENT_KEEP_ALIVE_S
        assert times.attempt_s <= times.deregistration_s < times.grace_s
        assert PROBE_S < NAT_IDLE_S

    def test_what_the_configuration_says_is_what_the_balancer_waits_for(self) -> None:
        """No chain of attempts in the configuration is longer than the balancer's patience."""
        item = backend(fallback("openai", "a"), fallback("together", "b", after_s=None))
        config = configured(item, timeout_s=900)
        retries = 1 + config["router_settings"]["num_retries"]
        (chain,) = config["router_settings"]["fallbacks"]
        (steps,) = chain.values()
        waits = [models(config)[name]["timeout"] for name in ("chat", *steps)]
        assert retries * sum(waits) < gateway_times([item], timeout_s=900).balancer_idle_s <= 4000

    def test_a_shorter_patience_holds_for_the_own_replicas_only(self) -> None:
        found = models(configured(backend(fallback("openai", "a", after_s=20))))
        assert found["chat"]["timeout"] == found["chat"]["stream_timeout"] == 20
        assert found["chat-fallback-1"]["timeout"] == 600


def weights(config: Mapping[str, Any], group: str) -> dict[str, float | None]:
    return {
        item["model_info"]["id"]: item["litellm_params"].get("weight")
        for item in config["model_list"]
        if item["model_name"] == group
    }


NEXT = replace(backend(), workload="next", served_model_name="next", replaces="chat", traffic_percent=25)


class TestWeights:
    def test_a_new_version_gets_its_step_and_the_old_one_the_rest(self) -> None:
        config = configured(backend(), NEXT)
        assert weights(config, "chat") == {"chat/chat": 75.0, "chat/next": 25.0}
        assert weights(config, "next") == {"next/next": None}

    @pytest.mark.parametrize(("traffic", "expected"), [(0, ["chat/chat"]), (100, ["chat/next"])])
    def test_at_either_end_only_one_version_answers(self, traffic: int, expected: list[str]) -> None:
        """At 0 the new version must not even step in; at 100 the old one can go."""
        config = configured(backend(), replace(NEXT, traffic_percent=traffic))
        assert list(weights(config, "chat")) == expected
        assert weights(config, "chat")[expected[0]] is None

    def test_an_external_share_comes_off_the_top(self) -> None:
        item = backend(fallback("openai", "gpt", share=Decimal("0.1")), fallback("together", "x"))
        config = configured(item, NEXT)
        assert weights(config, "chat") == {
            "chat/chat": 67.5, "chat/next": 22.5, "chat/openai/gpt": 10.0
        }  # fmt: skip
        assert config["router_settings"]["fallbacks"] == [{"chat": ["chat-fallback-1", "chat-fallback-2"]}]

    @given(
        share=st.decimals("0.001", "0.999", places=3),
        traffic=st.integers(1, 99),
        classification=st.sampled_from(CLASSIFICATIONS),
    )
    def test_weights_are_whole_and_a_share_never_overrides_the_class(
        self, share: Decimal, traffic: int, classification: str
    ) -> None:
        enabled = may_leave(classification, "internal")
        item = backend(fallback("openai", "gpt", share=share, enabled=enabled), classification=classification)
        (chat, _) = groups([item, replace(NEXT, traffic_percent=traffic)])
        assert sum(route.weight for route in chat.routes) == 100
        assert any(route.external for route in chat.routes) is enabled

    def test_callers_of_the_old_version_keep_its_external_backends_until_the_end(self) -> None:
        old, new = backend(fallback("openai", "old")), replace(NEXT, fallbacks=(fallback("together", "new"),))
        before, after = configured(old, new), configured(old, replace(new, traffic_percent=100))
        assert models(before)["chat-fallback-1"]["model"] == "openai/old"
        assert models(after)["chat-fallback-1"]["model"] == "together_ai/new"

    def test_a_version_that_is_gone_leaves_its_name(self) -> None:
        """The same backend under both names, with the same id as while it took over."""
        heir = replace(NEXT, replaces=None, traffic_percent=None, answers_to=("chat",))
        config = configured(heir)
        assert weights(config, "chat") == {"chat/next": None}
        assert weights(config, "next") == {"next/next": None}

    def test_the_end_of_a_rollout_leaves_the_configuration_as_it_is(self) -> None:
        """So that its last change does not even replace the gateway's pods."""
        old, new = backend(fallback("openai", "m")), replace(NEXT, traffic_percent=100)
        heir = replace(new, replaces=None, traffic_percent=None, answers_to=("chat",))
        assert configured(old, new) == configured(new, old) == configured(heir)

    def test_its_callers_come_along_when_the_heir_is_replaced(self) -> None:
        heir = replace(backend(fallback("openai", "m")), workload="v2", served_model_name="v2")
        heir = replace(heir, answers_to=("chat",))
        config = configured(heir, replace(NEXT, replaces="v2", traffic_percent=25))
        assert weights(config, "chat") == {"chat/v2": 75.0, "chat/next": 25.0}
        assert weights(config, "v2") == {"v2/v2": 75.0, "v2/next": 25.0}
        assert models(config)["chat-fallback-1"]["model"] == "openai/m"

    def test_rules_see_every_name(self) -> None:
        heir = replace(backend(fallback("openai", "m")), answers_to=("old",), classification="confidential")
        found = [(item.group, item.provider, item.classification) for item in route_facts([heir])]
        assert found == [
            ("chat", "vllm", "confidential"),
            ("chat", "openai", "confidential"),
            ("old", "vllm", "confidential"),
            ("old", "openai", "confidential"),
        ]

    def test_a_team_keeps_the_name_it_knows(self) -> None:
        gateway = builders.environment(
            "e",
            gateway={
                "host": "a.example",
                "database": "rds",
                "teams": [{"name": "support", "models": ["old"]}, {"name": "all"}],
            },
        ).gateway
        assert gateway is not None
        named, everything = teams(gateway, [replace(backend(), answers_to=("old",))])
        assert named.models == ("old",)
        assert everything.models == ("chat", "old")


class TestRoutes:
    def test_facts_name_every_backend_in_use(self) -> None:
        used, unused = fallback("bedrock", "m", region="eu-west-1"), fallback("openai", "n", enabled=False)
        found = route_facts([backend(used, unused)])
        assert [(item.group, item.provider, item.region, item.weight, item.reasons) for item in found] == [
            ("chat", "vllm", "eu-central-1", Decimal(100), ()),
            ("chat", "bedrock", "eu-west-1", None, ("error",)),
        ]
        assert providers([backend(used, unused)]) == ("bedrock",)

    def test_the_pods_may_invoke_the_named_models_only(self) -> None:
        used = fallback("bedrock", "eu.anthropic.claude-sonnet-4-5"), fallback("sagemaker", "my-endpoint")
        statements = external_statements(PLACE, [backend(*used)])
        assert [item.resources for item in statements] == [
            (
                "arn:aws:bedrock:*::foundation-model/anthropic.claude-sonnet-4-5*",
                "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5",
            ),
            ("arn:aws:sagemaker:eu-central-1:123456789012:endpoint/my-endpoint",),
        ]

    def test_without_aws_backends_the_pods_have_no_role(self) -> None:
        assert external_statements(PLACE, [backend(fallback("openai", "gpt-5"))]) == ()

    @pytest.mark.parametrize("model", ["zai.glm-4.7", "deepseek.v3.2", "minimax.minimax-m2.5"])
    def test_a_version_with_a_dot_is_no_profile(self, model: str) -> None:
        (statement,) = external_statements(PLACE, [backend(fallback("bedrock", model))])
        assert f"arn:aws:bedrock:*::foundation-model/{model}*" in statement.resources


class TestLoadBalancer:
    def test_it_is_internal_encrypted_and_waits_as_long_as_the_gateway(self, prod: Graph) -> None:
        annotations = manifest(prod, "Ingress", "litellm")["metadata"]["annotations"]
        assert annotations[f"{PREFIX}/scheme"] == "internal"
        assert annotations[f"{PREFIX}/target-type"] == "ip"
        assert annotations[f"{PREFIX}/listen-ports"] == '[{"HTTPS":443}]'
        assert annotations[f"{PREFIX}/ssl-policy"].startswith("ELBSecurityPolicy-TLS13")
        # 600 s for an attempt, twice, at the own replicas and at the one external backend, and a margin
        assert "idle_timeout.timeout_seconds=2410" in annotations[f"{PREFIX}/load-balancer-attributes"]
        assert annotations[f"{PREFIX}/certificate-arn"] is UNKNOWN
        assert annotations[f"{PREFIX}/wafv2-acl-arn"] is UNKNOWN

    def test_servers_keep_connections_longer_than_the_balancer(self, prod: Graph) -> None:
        container = manifest(prod, "Deployment", "litellm")["spec"]["template"]["spec"]["containers"][0]
        env = {entry["name"]: entry.get("value") for entry in container["env"]}
        assert env["KEEPALIVE_TIMEOUT"] == "2420"
        assert env["AIOHTTP_KEEPALIVE_TIMEOUT"] == "65"
        server = manifest(prod, "Deployment", "model-chat")["spec"]["template"]["spec"]["containers"][0]
        there = {entry["name"]: entry.get("value") for entry in server["env"]}
        assert int(str(there["VLLM_HTTP_TIMEOUT_KEEP_ALIVE"])) > int(env["AIOHTTP_KEEPALIVE_TIMEOUT"])

    def test_only_the_api_is_reachable(self, prod: Graph) -> None:
        rules = manifest(prod, "Ingress", "litellm")["spec"]["rules"]
        assert rules[0]["host"] == "llm.example.eu"
        assert [item["path"] for item in rules[0]["http"]["paths"]] == ["/v1", "/health/readiness"]

    def test_an_existing_certificate_is_used(self) -> None:
        arn = "arn:aws:acm:eu-central-1:123456789012:certificate/abc"
        graph = preview(
            build(builders.prod(gateway={"host": "llm.example.eu", "certificateArn": arn, "waf": False}))
        )
        annotations = manifest(graph, "Ingress", "litellm")["metadata"]["annotations"]
        assert annotations[f"{PREFIX}/certificate-arn"] == arn
        assert f"{PREFIX}/wafv2-acl-arn" not in annotations
        assert graph.of_type("aws:acm/certificate:Certificate", "aws:wafv2/webAcl:WebAcl") == ()

    def test_without_tls_it_listens_in_clear(self) -> None:
        graph = preview(build(builders.prod(gateway={"host": "llm.example.eu", "tls": "none"})))
        annotations = manifest(graph, "Ingress", "litellm")["metadata"]["annotations"]
        assert annotations[f"{PREFIX}/listen-ports"] == '[{"HTTP":80}]'
        assert graph.outputs["gatewayUrl"] == "http://llm.example.eu/v1"

    def test_it_is_made_and_removed_while_its_controller_runs(self, prod: Graph) -> None:
        ingress = one(prod, "kubernetes:networking.k8s.io/v1:Ingress")
        controller = one(prod, "kubernetes:helm.sh/v3:Release", "prod-eu-gateway-load-balancer")
        assert controller.urn in ingress.dependencies

    def test_the_controller_finds_its_vpc_without_the_nodes_metadata(self, prod: Graph) -> None:
        values = one(prod, "kubernetes:helm.sh/v3:Release", "prod-eu-gateway-load-balancer").inputs["values"]
        vpc = one(prod, "aws:ec2/vpc:Vpc").inputs["tags"]
        assert values["vpcTags"] == vpc
        assert values == controller_values(PLACE, {"vpcTags": {"Name": "inferstack-prod-eu"}})

    def test_the_controller_changes_only_what_is_the_clusters_own(self) -> None:
        destructive = ("Delete", "SetSecurityGroups", "SetSubnets", "ModifyLoadBalancerAttributes")
        for statement in controller_statements(PLACE):
            if any(word in action for action in statement.actions for word in destructive) and not any(
                "Listener" in action or "Rule" in action for action in statement.actions
            ):
                assert statement.condition is not None
                values = {value for test in statement.condition.values() for value in test.values()}
                assert values == {"inferstack-prod-eu"}
                assert CLUSTER_TAG in json.dumps(statement.condition)

    def test_only_reading_is_allowed_everywhere(self) -> None:
        broad = [item for item in controller_statements(PLACE) if "*" in item.resources]
        assert len(broad) == 1
        verbs = {action.partition(":")[2] for action in broad[0].actions}
        assert {verb for verb in verbs if not verb.startswith(("Describe", "Get", "List"))} == {
            "AssociateWebACL", "DisassociateWebACL"
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            (None, None),
            ({}, None),
            ({"loadBalancer": {}}, None),
            ({"loadBalancer": {"ingress": [{"hostname": "lb"}]}}, "lb"),
        ],
    )
    def test_its_address_is_known_once_it_has_one(self, status: object, expected: str | None) -> None:
        assert host_name(status) == expected


class TestWebAcl:
    def test_prompts_are_not_inspected(self) -> None:
        """Body rules would block prompts with code, SQL or long texts."""
        rules = web_acl_inputs("acl")["rules"]
        managed = [
            rule["statement"]["managedRuleGroupStatement"]["name"]
            for rule in rules
            if "managedRuleGroupStatement" in rule["statement"]
        ]
        assert managed == ["AWSManagedRulesAmazonIpReputationList"]

    def test_requests_with_keys_are_not_sampled(self) -> None:
        document = web_acl_inputs("acl")
        settings = [document["visibilityConfig"], *(rule["visibilityConfig"] for rule in document["rules"])]
        assert {item["sampledRequestsEnabled"] for item in settings} == {False}


class TestPod:
    def test_it_is_hardened_and_pinned_by_digest(self, prod: Graph) -> None:
        spec = manifest(prod, "Deployment", "litellm")["spec"]["template"]["spec"]
        assert "@sha256:" in spec["containers"][0]["image"]
        assert spec["securityContext"]["runAsUser"] == 65534
        assert spec["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
        assert one(prod, "inferstack:index:Gateway").inputs["imageDigest"].startswith("sha256:")

    def test_it_leaves_the_balancer_before_it_stops(self, prod: Graph) -> None:
        spec = manifest(prod, "Deployment", "litellm")["spec"]["template"]["spec"]
        sleep = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        targets = manifest(prod, "Ingress", "litellm")["metadata"]["annotations"]
        assert "deregistration_delay.timeout_seconds=600" in targets[f"{PREFIX}/target-group-attributes"]
        assert sleep > 60
        assert sleep + 600 < spec["terminationGracePeriodSeconds"]

    def test_it_reaches_models_and_only_allowed_backends(self, prod: Graph) -> None:
        def ports(graph: Graph) -> set[int]:
            rules = manifest(graph, "NetworkPolicy", "litellm")["spec"]["egress"]
            return {entry["port"] for rule in rules for entry in rule["ports"]}

        assert ports(prod) == {53, 8000, 443, 80}
        spec = builders.environment("in", gateway={"host": "a.example"}, monitoring={"stack": "none"})
        pair = (builders.workload("chat", builders.PLAN.model_id), builders.PLAN)
        alone = preview(build(builders.arguments(spec, builders.EU_ZONES, pair)))
        assert ports(alone) == {53, 8000}

    def test_a_new_configuration_rolls_the_pods(self, prod: Graph) -> None:
        spec = manifest(prod, "Deployment", "litellm")["spec"]["template"]["spec"]
        name = spec["volumes"][0]["configMap"]["name"]
        document = next(
            item.inputs
            for item in prod.of_type("kubernetes:core/v1:ConfigMap")
            if item.name == "prod-eu-gateway"
        )
        assert document["metadata"]["name"] == name
        assert document["immutable"] is True

    def test_keys_come_from_secrets(self) -> None:
        import pulumi

        from components.settings import Settings
        from tests.components.running import run_function

        args = builders.prod()

        def program() -> None:
            settings = Settings(gateway_master_key=pulumi.Output.secret("sk-very-secret"))
            build(builders.InferenceEnvironmentArgs(
                loaded=args.loaded, plan=args.plan, catalog=args.catalog, settings=settings
            ))()  # fmt: skip

        graph = run_function(program)
        data = manifest(graph, "Secret", "gateway-master-key")["stringData"]
        assert isinstance(data, Secret) or isinstance(data["LITELLM_MASTER_KEY"], Secret)
        assert "sk-very-secret" not in repr(graph)

    def test_keys_of_providers_in_use_are_stored_under_their_variable(self) -> None:
        args = builders.prod()
        open_data = {**builders.CHAT, "data": {"classification": "internal"}}
        chat = builders.workload("chat", builders.PLAN.model_id, **open_data)
        pair = builders.arguments(args.loaded.environment, builders.EU_ZONES, (chat, builders.PLAN))
        graph = preview(build(pair))
        secret = manifest(graph, "Secret", "gateway-provider-keys")
        assert secret["stringData"] == {"OPENAI_API_KEY": "openai-test"}
        container = manifest(graph, "Deployment", "litellm")["spec"]["template"]["spec"]["containers"][0]
        assert "OPENAI_API_KEY" in [entry["name"] for entry in container["env"]]

    def test_keys_of_providers_no_route_uses_are_not_stored(self) -> None:
        recorder = deploy(build(builders.prod()))
        names = {
            item.inputs["metadata"]["name"] for item in recorder.resources if item.typ.endswith(":Secret")
        }
        assert names == {"hugging-face", "gateway-master-key"}


def test_outputs_say_where_callers_and_dns_point() -> None:
    graph = preview(build(builders.prod()))
    assert graph.outputs["gatewayUrl"] == "https://llm.example.eu/v1"
    assert graph.outputs["models"] == {
        "chat": "http://model-chat.llm-serving.svc.cluster.local:8000/v1",
        "embed": "http://model-embed.llm-serving.svc.cluster.local:8000/v1",
    }
    assert set(graph.outputs) >= {"loadBalancer", "certificateValidationRecord", "kubeconfigCommand"}
