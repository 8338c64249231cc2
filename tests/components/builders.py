"""Environments and plans by hand, so that these tests depend on no sizing decision."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from components.environment import InferenceEnvironmentArgs
from components.lifecycle import lifecycle
from components.node_template import efa_count
from components.pins import load_pins
from components.pod_resources import pod_resources
from components.settings import Settings
from components.vllm_pod import ServerSpec
from inferstack.catalog.load import load_catalog
from inferstack.sizing.types import (
    Candidate,
    EnvironmentPlan,
    Fit,
    LoadTime,
    Percentiles,
    Prediction,
    ScaleTargets,
    WorkloadPlan,
)
from inferstack.spec.environment import Environment
from inferstack.spec.load import LoadedEnvironment
from inferstack.spec.workload import Workload

EU_ZONES = ("euc1-az1", "euc1-az2", "euc1-az3")
US_ZONES = ("usw2-az1", "usw2-az2")
MIRROR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/mirror"
SECRETS = Settings(
    gateway_master_key="sk-test",
    hugging_face_token="hf-test",
    gateway_database_password="database-test",
    provider_keys={"openai": "openai-test", "together": "together-test"},
)


def percentiles(mean: float) -> Percentiles:
    return Percentiles(mean=mean, p50=mean, p95=2 * mean, p99=3 * mean)


PREDICTION = Prediction(
    output_tokens_per_second=900.0,
    total_tokens_per_second=4200.0,
    requests_per_second=3.0,
    ttft_ms=percentiles(300),
    tpot_ms=percentiles(30),
    e2e_ms=percentiles(8000),
    concurrency=20.0,
    utilization=0.5,
    basis="interpolated",
)
FIT = Fit(
    fits=True,
    reason="",
    weights_gib_per_gpu=17.0,
    activation_gib_per_gpu=1.0,
    non_torch_gib_per_gpu=0.5,
    cuda_graphs_gib_per_gpu=0.5,
    kv_cache_gib_per_gpu=20.0,
    kv_cache_tokens=200_000,
    max_model_len=16_384,
    max_concurrency=12.0,
    gpu_memory_gib=44.4,
    gpu_memory_utilization=0.92,
    max_num_seqs=256,
    max_num_batched_tokens=8192,
)
CANDIDATE = Candidate(
    instance_type="g6e.12xlarge",
    gpu="L40S",
    gpus_per_instance=4,
    region="eu-central-1",
    zones=EU_ZONES,
    purchase="on-demand",
    tp=4,
    pp=1,
    quantization="fp8",
    checkpoint="meta-llama/Llama-3.3-70B-Instruct",
    kv_cache_dtype="auto",
    nodes_per_replica=1,
    replicas_per_node=1,
    replicas_serving=2,
    replicas=3,
    surge_replicas=1,
    nodes=3,
    fit=FIT,
    at_peak=PREDICTION,
    saturated=PREDICTION,
    usd_per_hour=Decimal("39.36006"),
    usd_per_month=Decimal("28732.84"),
    usd_per_million_tokens=Decimal("2.10"),
    usd_per_million_tokens_full=Decimal("0.90"),
    survives_zone_loss=True,
)
SMALL = replace(
    CANDIDATE,
    instance_type="g6.xlarge",
    gpu="L4",
    gpus_per_instance=1,
    region="us-west-2",
    zones=("usw2-az1", "usw2-az2", "usw2-az3"),
    purchase="spot",
    tp=1,
    quantization="bf16",
    checkpoint="Qwen/Qwen3-8B",
    replicas_serving=1,
    replicas=1,
    surge_replicas=0,
    nodes=1,
    survives_zone_loss=False,
)
PLAN = WorkloadPlan(
    workload="chat",
    model_id="meta-llama/Llama-3.3-70B-Instruct",
    revision="6f6073b423013f6a7d4d9f39144961bfbfbc386b",
    task="chat",
    served_model_name="chat",
    licence="llama3.3",
    developer_country="US",
    params_b=70.6,
    chosen=CANDIDATE,
    vllm_args=(
        ("--max-model-len", "16384"),
        ("--tensor-parallel-size", "4"),
        ("--enable-auto-tool-choice", ""),
    ),
    peak_requests_per_second=3.0,
    requests_per_day=74_000.0,
    input_tokens=1200.0,
    output_tokens=250.0,
    slo_ttft_p95_ms=1500.0,
    slo_itl_p95_ms=80.0,
    slo_e2e_p95_ms=None,
    slo_availability=0.999,
    min_replicas=2,
    max_replicas=8,
    scale=ScaleTargets(concurrency=13, waiting=2, requests_per_second=1.0),
    load_time=LoadTime(node_s=60.0, image_s=50.0, weights_s=90.0, compile_s=60.0),
    weights_gib=68.0,
    alternatives=(),
    rejections=(),
    notes=(),
)


def small_plan(**changes: Any) -> WorkloadPlan:
    """One small spot replica of an open model."""
    base = replace(
        PLAN,
        workload="assistant",
        model_id="Qwen/Qwen3-8B",
        revision=None,
        served_model_name="assistant",
        licence="apache-2.0",
        developer_country="CN",
        params_b=8.2,
        chosen=SMALL,
        vllm_args=(("--max-model-len", "8192"),),
        min_replicas=1,
        max_replicas=2,
        weights_gib=15.3,
    )
    return replace(base, **changes)


def embed_plan() -> WorkloadPlan:
    chosen = replace(
        CANDIDATE,
        instance_type="g6.xlarge",
        gpu="L4",
        gpus_per_instance=1,
        tp=1,
        checkpoint="intfloat/multilingual-e5-large-instruct",
        replicas=2,
        replicas_serving=1,
        nodes=2,
        surge_replicas=0,
    )
    return replace(
        PLAN,
        workload="embed",
        model_id="intfloat/multilingual-e5-large-instruct",
        revision=None,
        task="embed",
        served_model_name="embed",
        licence="mit",
        chosen=chosen,
        vllm_args=(("--max-model-len", "512"),),
        slo_ttft_p95_ms=None,
        slo_itl_p95_ms=None,
        slo_e2e_p95_ms=500.0,
        weights_gib=1.1,
        max_replicas=4,
    )


def group_plan() -> WorkloadPlan:
    """Two replicas over two EFA nodes each."""
    chosen = replace(
        CANDIDATE,
        instance_type="p5en.48xlarge",
        gpu="H200",
        gpus_per_instance=8,
        region="us-west-2",
        zones=("usw2-az2", "usw2-az3", "usw2-az4"),
        tp=8,
        pp=2,
        checkpoint="deepseek-ai/DeepSeek-V3-0324",
        nodes_per_replica=2,
        replicas=2,
        replicas_serving=1,
        nodes=4,
        surge_replicas=0,
    )
    return replace(
        PLAN,
        workload="reasoning",
        model_id="deepseek-ai/DeepSeek-V3-0324",
        revision=None,
        served_model_name="reasoning",
        licence="mit",
        developer_country="CN",
        chosen=chosen,
        vllm_args=(("--tensor-parallel-size", "8"), ("--pipeline-parallel-size", "2")),
        max_replicas=2,
        weights_gib=640.0,
    )


RANK_ARGS = (
    ("--tensor-parallel-size", "2"),
    ("--data-parallel-size", "8"),
    ("--data-parallel-size-local", "4"),
    ("--enable-expert-parallel", ""),
    ("--all2all-backend", "allgather_reducescatter"),
    ("--api-server-count", "8"),
)


def rank_group_plan() -> WorkloadPlan:
    """As the groups, but with data-parallel ranks over the two nodes of each instead of a pipeline."""
    plan = group_plan()
    return replace(plan, chosen=replace(plan.chosen, tp=2, pp=1, dp=8), vllm_args=RANK_ARGS)


def ranks_plan() -> WorkloadPlan:
    """Eight ranks of one GPU on one node."""
    plan = group_plan()
    chosen = replace(plan.chosen, tp=1, pp=1, dp=8, nodes_per_replica=1, nodes=2)
    return replace(plan, chosen=chosen, vllm_args=(("--data-parallel-size", "8"),))


def workload(name: str, model: str, **sections: Any) -> Workload:
    document = {
        "apiVersion": "inferstack/v1",
        "kind": "Workload",
        "name": name,
        "model": model,
        "traffic": {"requestsPerDay": 1000},
        **sections,
    }
    return Workload.model_validate(document)


def environment(name: str, **sections: Any) -> Environment:
    document = {
        "apiVersion": "inferstack/v1",
        "kind": "Environment",
        "name": name,
        "cloud": {"account": "123456789012", "region": "eu-central-1"},
        **sections,
    }
    return Environment.model_validate(document)


def arguments(
    spec: Environment,
    zones: tuple[str, ...],
    *pairs: tuple[Workload, WorkloadPlan],
    settings: Settings = SECRETS,
    directory: Path = Path(),
) -> InferenceEnvironmentArgs:
    loaded = LoadedEnvironment(
        environment=spec, directory=directory, workloads=tuple(workload for workload, _ in pairs)
    )
    plan = EnvironmentPlan(
        environment=spec.name,
        region=spec.cloud.region,
        zones=zones,
        workloads=tuple(plan for _, plan in pairs),
    )
    return InferenceEnvironmentArgs(loaded=loaded, plan=plan, catalog=load_catalog(), settings=settings)


def dev(**changes: Any) -> InferenceEnvironmentArgs:
    """The least there is: one spot GPU, no gateway, no monitoring."""
    sections: dict[str, Any] = {
        "cloud": {"account": "111122223333", "region": "us-west-2", "zones": 2},
        "network": {"cidr": "10.10.0.0/16", "nat": "single", "private": False, "flowLogs": False},
        "cluster": {
            "endpoint": "public",
            "publicAccessCidrs": ["203.0.113.0/24"],
            "deletionProtection": False,
        },
        "monitoring": {"stack": "none"},
        "tags": {"environment": "dev"},
        **changes,
    }
    served = workload("assistant", "Qwen/Qwen3-8B", capacity={"purchase": ["spot"]})
    return arguments(environment("dev", **sections), US_ZONES, (served, small_plan()))


CHAT = {
    "owner": "team-support",
    "data": {"classification": "confidential", "residency": ["EU"], "regulations": ["GDPR"]},
    "usage": {
        "commercial": True,
        "monthlyActiveUsers": 250_000,
        "annualRevenueUsd": 1_000_000,
        "euUsers": True,
    },
    "fallback": [
        {
            "provider": "bedrock",
            "model": "eu.anthropic.claude-sonnet-4-5",
            "maxClassification": "confidential",
        },
        {"provider": "openai", "model": "gpt-5", "maxClassification": "internal"},
    ],
    "budget": {"monthlyUsd": 60_000},
}


def prod(**changes: Any) -> InferenceEnvironmentArgs:
    """Three zones, private, with everything in front of and around the models."""
    sections: dict[str, Any] = {
        "data": {"residency": ["EU"]},
        "network": {"cidr": "10.40.0.0/16", "nat": "per-zone", "private": True},
        "gateway": {"host": "llm.example.eu"},
        "monitoring": {"stack": "prometheus", "retention": "15d"},
        "tags": {"environment": "prod", "team": "platform"},
        **changes,
    }
    chat = workload("chat", PLAN.model_id, **CHAT)
    embed = workload("embed", "intfloat/multilingual-e5-large-instruct")
    return arguments(environment("prod-eu", **sections), EU_ZONES, (chat, PLAN), (embed, embed_plan()))


VPC = {
    "vpcId": "vpc-0123456789abcdef0",
    "cidr": "10.90.0.0/20",
    "privateSubnets": {zone: f"subnet-0000000000000000{index}" for index, zone in enumerate(EU_ZONES)},
    "controlPlaneSubnets": {zone: f"subnet-1000000000000000{index}" for index, zone in enumerate(EU_ZONES)},
}
CLUSTER = {
    "name": "platform",
    "endpoint": "https://0123456789ABCDEF.gr7.eu-central-1.eks.amazonaws.com",
    "certificateAuthority": "LS0tLS1CRUdJTg==",
    "securityGroupId": "sg-0123456789abcdef0",
}


def adopted_vpc(**changes: Any) -> InferenceEnvironmentArgs:
    """As production, in a VPC that somebody else keeps."""
    return prod(**{"network": {"existing": VPC}, **changes})


def adopted_cluster(**changes: Any) -> InferenceEnvironmentArgs:
    """As production, in a cluster that somebody else keeps and that has its own controllers."""
    provided = {**CLUSTER, "provides": ["cluster-autoscaler", "gp3"]}
    return adopted_vpc(**{"cluster": {"existing": provided}, **changes})


def private(**changes: Any) -> InferenceEnvironmentArgs:
    """No way to the internet at all."""
    return prod(**{"network": {"cidr": "10.40.0.0/16", "nat": "none"}, "registry": MIRROR, **changes})


def groups(plan: WorkloadPlan | None = None, **changes: Any) -> InferenceEnvironmentArgs:
    """A model over several nodes."""
    sections: dict[str, Any] = {
        "cloud": {"account": "123456789012", "region": "us-west-2", "zones": 2},
        "monitoring": {"stack": "none"},
        **changes,
    }
    served = workload("reasoning", "deepseek-ai/DeepSeek-V3-0324")
    return arguments(
        environment("groups", **sections), ("usw2-az2", "usw2-az3"), (served, plan or group_plan())
    )


def reserved(purchase: str) -> InferenceEnvironmentArgs:
    """Capacity bought ahead, in one zone of the network."""
    chosen = replace(
        group_plan().chosen,
        purchase=purchase,
        nodes_per_replica=1,
        pp=1,
        replicas=1,
        nodes=1,
        zones=("usw2-az2",),  # type: ignore[arg-type]  # parametrized
    )
    plan = replace(group_plan(), chosen=chosen, vllm_args=())
    served = workload(
        "reasoning",
        "deepseek-ai/DeepSeek-V3-0324",
        capacity={
            "purchase": [purchase],
            "reservationId": "cr-0123456789abcdef0",
            "acknowledgeUpfrontCharge": purchase == "capacity-block",
        },
    )
    spec = environment(
        "reserved",
        cloud={"account": "123456789012", "region": "us-west-2", "zones": 2},
        monitoring={"stack": "none"},
    )
    return arguments(spec, ("usw2-az2", "usw2-az3"), (served, plan))


def server_spec(plan: WorkloadPlan, **changes: Any) -> ServerSpec:
    """What the manifests of a plan's server are made from."""
    instance = load_catalog().instance(plan.chosen.instance_type)
    interfaces = efa_count(instance) if plan.chosen.nodes_per_replica > 1 else 0
    spec = ServerSpec(
        plan=plan,
        image=load_pins().image("vllm"),
        region=plan.chosen.region,
        weights_uri="s3://weights/models/x/main",
        resources=pod_resources(instance, plan.chosen, efa_interfaces=interfaces),
        times=lifecycle(plan),
        callers=("llm-gateway",),
    )
    return replace(spec, **changes)
