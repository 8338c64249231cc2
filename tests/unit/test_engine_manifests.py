"""Kubernetes objects of a graph as files to read."""

from __future__ import annotations

import pytest
import yaml

from inferstack.engine.graph import Graph
from inferstack.engine.manifests import manifests
from inferstack.resources import UNKNOWN, Resource, Secret


def kubernetes(kind, name=None, *, group="core/v1", version="v1", namespace=None, **fields):
    metadata = {key: value for key, value in (("name", name), ("namespace", namespace)) if value is not None}
    return Resource(
        urn=f"urn:pulumi:a::b::kubernetes:{group}:{kind}::{namespace}-{name}",
        type=f"kubernetes:{group}:{kind}",
        name=f"logical-{kind}",
        inputs={"kind": kind, "apiVersion": version, "metadata": metadata, **fields},
    )


def files(*resources):
    return {found.file: found.text for found in manifests(Graph(resources))}


def test_file_names_list_in_the_order_of_application():
    found = files(
        kubernetes("ScaledObject", "vllm", group="keda.sh/v1alpha1", namespace="serving"),
        kubernetes("Deployment", "vllm", group="apps/v1", namespace="serving"),
        kubernetes("Service", "vllm", namespace="serving"),
        kubernetes("ConfigMap", "env", namespace="serving"),
        kubernetes("ServiceAccount", "vllm", namespace="serving"),
        kubernetes("Namespace", "serving"),
        kubernetes("CustomResourceDefinition", "scaledobjects.keda.sh"),
    )
    assert list(found) == [
        "00-customresourcedefinition-scaledobjects.keda.sh.yaml",
        "10-namespace-serving.yaml",
        "20-serviceaccount-serving-vllm.yaml",
        "30-configmap-serving-env.yaml",
        "40-service-serving-vllm.yaml",
        "50-deployment-serving-vllm.yaml",
        "70-scaledobject-serving-vllm.yaml",
    ]


def test_a_manifest_is_the_object_in_reading_order():
    text = files(kubernetes("Deployment", "vllm", spec={"b": [1, 2], "a": {"x": "multi\nline\n"}}))[
        "50-deployment-vllm.yaml"
    ]
    assert list(yaml.safe_load(text)) == ["apiVersion", "kind", "metadata", "spec"]
    assert yaml.safe_load(text)["spec"] == {"b": [1, 2], "a": {"x": "multi\nline\n"}}
    assert "|\n" in text


def test_unknown_values_say_so_and_secrets_are_masked():
    text = files(kubernetes("ConfigMap", "env", data={"ROLE": UNKNOWN, "KEY": Secret("hunter2")}))[
        "30-configmap-env.yaml"
    ]
    assert yaml.safe_load(text)["data"] == {"ROLE": "<known after deployment>", "KEY": "[secret]"}


@pytest.mark.parametrize("field", ["data", "stringData"])
def test_a_secrets_values_are_masked_though_the_program_gave_them_plainly(field):
    text = files(kubernetes("Secret", "token", **{field: {"token": "hunter2"}}))["30-secret-token.yaml"]
    assert yaml.safe_load(text)[field] == {"token": "[secret]"}


def test_objects_without_a_name_are_named_after_their_resource():
    assert list(files(kubernetes("Job"))) == ["50-job-logical-job.yaml"]
    assert list(files(kubernetes("Job", UNKNOWN))) == ["50-job-logical-job.yaml"]


def test_objects_whose_names_collide_are_kept_apart():
    found = files(
        kubernetes("Role", "a", group="rbac/v1", namespace="b-c"),
        kubernetes("Role", "c-a", group="rbac/v1", namespace="b"),
    )
    assert sorted(found) == ["20-role-b-c-a-2.yaml", "20-role-b-c-a.yaml"]
    assert len(set(found.values())) == 2


def test_equal_parts_are_written_out_and_not_referred_to():
    labels = {"app": "vllm"}
    text = files(kubernetes("Service", "x", spec={"one": labels, "two": labels}))["40-service-x.yaml"]
    assert "&" not in text


def test_helm_releases_are_listed_with_what_decides_them():
    release = Resource(
        urn="urn:pulumi:a::b::kubernetes:helm.sh/v3:Release::gpu-operator",
        type="kubernetes:helm.sh/v3:Release",
        name="gpu-operator",
        inputs={
            "chart": "gpu-operator",
            "version": "v25.10.0",
            "namespace": "gpu",
            "repositoryOpts": {"repo": "https://helm.ngc.nvidia.com/nvidia"},
            "values": {"role": UNKNOWN, "token": Secret("hunter2")},
        },
    )
    text = files(release)["90-helm-releases.yaml"]
    assert yaml.safe_load(text) == {
        "release": "gpu-operator",
        "namespace": "gpu",
        "chart": "gpu-operator",
        "version": "v25.10.0",
        "repository": "https://helm.ngc.nvidia.com/nvidia",
        "values": {"role": "<known after deployment>", "token": "[secret]"},
    }
    assert "not rendered here" in text


def test_what_is_no_kubernetes_object_has_no_manifest():
    provider = Resource(urn="p", type="pulumi:providers:kubernetes", name="k8s", inputs={"kind": "x"})
    bucket = Resource(urn="b", type="aws:s3/bucket:Bucket", name="b", inputs={"kind": "x"})
    component = Resource(
        urn="c", type="kubernetes:yaml:ConfigGroup", name="c", custom=False, inputs={"kind": "x"}
    )
    assert files(provider, bucket, component) == {}
