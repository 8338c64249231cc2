from __future__ import annotations

import json

from inferstack.engine.graph import Graph
from inferstack.resources import UNKNOWN, Secret
from tests.components import builders
from tests.components.running import build, deploy, manifest, one, preview

BUCKET = "aws:s3/bucket:Bucket"
NAME = "inferstack-prod-eu-123456789012-eu-central-1-weights"


def jobs(graph: Graph) -> dict[str, list[str]]:
    """Arguments of the loader jobs by repository."""
    specs = [item.inputs["spec"] for item in graph.of_type("kubernetes:batch/v1:Job")]
    arguments = [spec["template"]["spec"]["containers"][0]["args"] for spec in specs]
    return {args[0]: args for args in arguments}


def test_the_bucket_is_named_before_it_exists_and_kept_in_production(prod: Graph, dev: Graph) -> None:
    bucket = one(prod, BUCKET)
    assert bucket.inputs == {"bucket": NAME}
    assert bucket.options.protect
    assert bucket.options.retain_on_delete
    assert not one(dev, BUCKET).options.protect


def test_the_bucket_is_closed_encrypted_versioned_and_tls_only(prod: Graph) -> None:
    block = one(prod, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock").inputs
    assert {value for key, value in block.items() if key != "bucket"} == {True}
    policy = json.loads(str(one(prod, "aws:s3/bucketPolicy:BucketPolicy").inputs["policy"]))
    assert policy["Statement"][0]["Effect"] == "Deny"
    assert policy["Statement"][0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert policy["Statement"][0]["Resource"] == [f"arn:aws:s3:::{NAME}", f"arn:aws:s3:::{NAME}/*"]
    kind = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    rule = one(prod, kind).inputs["rules"][0]
    assert rule["applyServerSideEncryptionByDefault"] == {
        "sseAlgorithm": "aws:kms", "kmsMasterKeyId": UNKNOWN
    }  # fmt: skip
    versioning = one(prod, "aws:s3/bucketVersioning:BucketVersioning").inputs
    assert versioning["versioningConfiguration"] == {"status": "Enabled"}


def test_each_checkpoint_is_loaded_once_at_its_revision(prod: Graph) -> None:
    revision = builders.PLAN.revision
    assert jobs(prod) == {
        builders.PLAN.model_id: [
            builders.PLAN.model_id, revision, NAME, f"models/{builders.PLAN.model_id}/{revision}", "/scratch"
        ],
        "intfloat/multilingual-e5-large-instruct": [
            "intfloat/multilingual-e5-large-instruct", "main", NAME,
            "models/intfloat/multilingual-e5-large-instruct/main", "/scratch",
        ],
    }  # fmt: skip


def test_two_workloads_of_one_model_share_its_weights() -> None:
    args = builders.dev()
    plan = builders.small_plan()
    twin = builders.small_plan(workload="twin", served_model_name="twin")
    spec = args.loaded.environment
    pair = builders.arguments(
        spec,
        builders.US_ZONES,
        (builders.workload("assistant", plan.model_id), plan),
        (builders.workload("twin", plan.model_id), twin),
    )
    graph = preview(build(pair))
    assert list(jobs(graph)) == ["Qwen/Qwen3-8B"]
    assert len(graph.of_type("kubernetes:apps/v1:Deployment")) == 2


def test_only_gated_models_insist_on_a_token(prod: Graph) -> None:
    optional = {}
    for item in prod.of_type("kubernetes:batch/v1:Job"):
        container = item.inputs["spec"]["template"]["spec"]["containers"][0]
        token = next(entry for entry in container["env"] if entry["name"] == "HF_TOKEN")
        optional[container["args"][0]] = token["valueFrom"]["secretKeyRef"]["optional"]
    assert optional == {builders.PLAN.model_id: False, "intfloat/multilingual-e5-large-instruct": True}


def test_the_token_reaches_the_loader_only(prod: Graph) -> None:
    secret = manifest(prod, "Secret", "hugging-face")
    assert secret["metadata"]["namespace"] == "model-loader"
    server = manifest(prod, "Deployment", "model-chat")["spec"]["template"]["spec"]["containers"][0]
    assert not [entry for entry in server["env"] if "valueFrom" in entry]


def test_a_configured_token_is_a_secret_in_the_graph() -> None:
    import pulumi

    from components.settings import Settings
    from tests.components.running import run_function

    args = builders.dev()
    loaded, plan = args.loaded, args.plan

    def program() -> None:
        settings = Settings(hugging_face_token=pulumi.Output.secret("hf-secret"))
        build(builders.InferenceEnvironmentArgs(
            loaded=loaded, plan=plan, catalog=args.catalog, settings=settings
        ))()  # fmt: skip

    graph = run_function(program)
    data = manifest(graph, "Secret", "hugging-face")["stringData"]
    assert isinstance(data, Secret) or isinstance(data["token"], Secret)
    assert "hf-secret" not in repr(graph)


def test_jobs_change_their_name_with_their_content() -> None:
    def names(revision: str) -> set[str]:
        args = builders.prod()
        from dataclasses import replace

        plan = replace(
            args.plan, workloads=(replace(builders.PLAN, revision=revision), args.plan.workloads[1])
        )
        graph = preview(build(replace(args, plan=plan)))
        return {str(item.inputs["metadata"]["name"]) for item in graph.of_type("kubernetes:batch/v1:Job")}

    one_name, other = names("a" * 40), names("b" * 40)
    assert len(one_name & other) == 1  # the embedding model did not change


def test_servers_wait_for_their_weights(prod: Graph) -> None:
    job = next(
        item for item in prod.of_type("kubernetes:batch/v1:Job") if "llama" in item.inputs["metadata"]["name"]
    )
    server = one(prod, "kubernetes:apps/v1:Deployment", "prod-eu-chat")
    assert job.urn in server.dependencies


def test_the_loader_waits_for_the_buckets_guards(prod: Graph) -> None:
    guards = {item.urn for item in prod.of_type("aws:s3/bucketPolicy:BucketPolicy")}
    guards |= {item.urn for item in prod.of_type("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")}
    for item in prod.of_type("kubernetes:batch/v1:Job"):
        assert guards <= set(item.dependencies)


def test_servers_read_their_own_prefix_only() -> None:
    recorder = deploy(build(builders.prod()))
    policy = next(
        item for item in recorder.resources
        if item.typ == "aws:iam/rolePolicy:RolePolicy" and item.name == "prod-eu-embed"
    )  # fmt: skip
    statements = json.loads(policy.inputs["policy"])["Statement"]
    prefix = "models/intfloat/multilingual-e5-large-instruct/main"
    assert statements[0]["Resource"] == [f"arn:aws:s3:::{NAME}/{prefix}/*"]
    assert statements[1]["Condition"] == {"StringLike": {"s3:prefix": f"{prefix}/*"}}
    assert {action for item in statements for action in item["Action"]} == {
        "s3:GetObject", "s3:ListBucket", "kms:Decrypt"
    }  # fmt: skip


def test_replicas_are_created_in_their_region_where_rules_can_see_them() -> None:
    graph = preview(build(builders.prod(modelStore={"replicaRegions": ["us-east-1"]})))
    buckets = {str(item.inputs["bucket"]): item.inputs.get("region") for item in graph.of_type(BUCKET)}
    replica = "inferstack-prod-eu-123456789012-us-east-1-weights"
    assert buckets == {NAME: None, replica: "us-east-1"}
    guards = [item for item in graph if item.type.startswith("aws:s3/") and item.name.endswith("us-east-1")]
    # the bucket, its five guards, and the end of what nobody reads
    assert len(guards) == 7
    assert {item.inputs["region"] for item in guards} == {"us-east-1"}
    replication = one(graph, "aws:s3/bucketReplicationConfig:BucketReplicationConfig").inputs
    assert replication["rules"][0]["destination"]["bucket"] == f"arn:aws:s3:::{replica}"
    assert one(graph, "inferstack:index:ModelStore").inputs["replicaRegions"] == ["us-east-1"]


def test_an_existing_bucket_is_used_and_not_touched() -> None:
    graph = preview(build(builders.prod(modelStore={"existingBucket": "acme-weights"})))
    assert not [item for item in graph if item.type.startswith("aws:s3/")]
    assert jobs(graph)[builders.PLAN.model_id][2] == "acme-weights"
    assert one(graph, "inferstack:index:ModelStore").inputs["created"] is False


def test_loader_pods_satisfy_the_restricted_standard(prod: Graph) -> None:
    assert (
        manifest(prod, "Namespace", "model-loader")["metadata"]["labels"][
            "pod-security.kubernetes.io/enforce"
        ]
        == "restricted"
    )
    pod = prod.of_type("kubernetes:batch/v1:Job")[0].inputs["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert pod["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
