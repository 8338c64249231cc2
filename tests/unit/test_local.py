"""A workload on one machine: the files are what the tools read, and callers notice as little as can be."""

from __future__ import annotations

from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from compose_spec import PyCompose

from components.pins import load_pins
from inferstack.catalog.load import load_catalog
from inferstack.errors import InputError
from inferstack.local import compose, kind, ollama
from inferstack.local.model import CONTEXT, images, local_model
from inferstack.local.types import LocalModel
from inferstack.spec.load import load_workload
from inferstack.spec.vllm_arguments import argument_list
from inferstack.spec.workload import Workload

CATALOG = load_catalog()
STACKS = Path(__file__).parents[2] / "stacks"
EXAMPLES = sorted(STACKS.glob("*/workloads/*.yaml"))


def workload(model: object = "Qwen/Qwen3-8B", **sections: object) -> Workload:
    base = {"apiVersion": "inferstack/v1", "kind": "Workload", "name": "chat", "model": model}
    return Workload.model_validate({**base, "traffic": {"requestsPerDay": 1000}, **sections})


def local(
    model: object = "Qwen/Qwen3-8B", *, gpus: int = 0, stand_in: str | None = None, **sections: object
) -> LocalModel:
    return local_model(workload(model, **sections), CATALOG, gpus=gpus, stand_in=stand_in)


def flags(model: LocalModel) -> dict[str, str]:
    names = [item for item in model.arguments if item.startswith("--")]
    following = {name: model.arguments[model.arguments.index(name) + 1 :][:1] for name in names}
    return {
        name: "" if not value or value[0].startswith("--") else value[0] for name, value in following.items()
    }


class TestModel:
    def test_callers_ask_for_the_same_name_and_get_the_same_parsers(self) -> None:
        found = flags(local())
        assert found["--served-model-name"] == "chat"
        assert (found["--tool-call-parser"], found["--reasoning-parser"]) == ("hermes", "qwen3")
        assert "--enable-auto-tool-choice" in found

    @pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
    @pytest.mark.parametrize("gpus", [0, 2])
    def test_every_argument_is_the_pinned_versions(self, path: Path, gpus: int) -> None:
        model = local_model(load_workload(path), CATALOG, gpus=gpus)
        known = argument_list().known
        assert {name.removeprefix("--") for name in flags(model)} <= known.keys()

    def test_context_is_bounded_by_the_machine_the_spec_and_the_model(self) -> None:
        assert local().context == CONTEXT
        assert local({"id": "Qwen/Qwen3-8B", "maxContext": 2048}).context == 2048
        assert local("intfloat/multilingual-e5-large-instruct").context == 512

    def test_a_revision_is_of_the_model_it_was_stated_for(self) -> None:
        pinned = {"id": "Qwen/Qwen3-8B", "revision": "abc"}
        assert flags(local(pinned))["--revision"] == "abc"
        assert "--revision" not in flags(local(pinned, stand_in="Qwen/Qwen3-0.6B"))

    def test_a_stand_in_answers_under_the_same_name(self) -> None:
        model = local("meta-llama/Llama-3.3-70B-Instruct", stand_in="Qwen/Qwen3-0.6B")
        assert model.arguments[0] == "Qwen/Qwen3-0.6B"
        assert flags(model)["--served-model-name"] == "chat"
        assert model.stands_in_for == "meta-llama/Llama-3.3-70B-Instruct"
        assert not model.gated

    def test_the_image_is_the_pinned_version(self) -> None:
        pinned = load_pins().image("vllm")
        assert local(gpus=1).image == pinned.reference.partition("@")[0]
        assert images()["cpu"].endswith(f":{pinned.tag}")
        assert local().image == images()["cpu"]

    def test_adapters_of_the_hub_come_and_others_are_named(self) -> None:
        adapters = [{"name": "law", "source": "acme/law"}, {"name": "tone", "source": "s3://acme/tone"}]
        model = local({"id": "Qwen/Qwen3-8B", "adapters": adapters})
        assert model.arguments[-2:] == ("--lora-modules", '{"name": "law", "path": "acme/law"}')
        assert any("tone is left out: s3://acme/tone" in note for note in model.notes)
        other = local({"id": "Qwen/Qwen3-8B", "adapters": adapters}, stand_in="Qwen/Qwen3-0.6B")
        assert "--enable-lora" not in other.arguments
        assert sum("is left out" in note for note in other.notes) == 2

    def test_embedding_models_pool(self) -> None:
        assert flags(local("BAAI/bge-m3"))["--runner"] == "pooling"

    def test_the_memory_it_needs_is_told(self) -> None:
        assert "the weights take about 131 GiB in 16 bits" in " ".join(
            local("meta-llama/Llama-3.3-70B-Instruct").notes
        )

    def test_a_shape_without_a_name_cannot_be_downloaded(self) -> None:
        with pytest.raises(InputError, match=r"model\.hfConfig.*no repository.*--model ID"):
            local({"hfConfig": "config.json"})


class TestCompose:
    @pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
    @pytest.mark.parametrize("gpus", [0, 1])
    def test_a_validating_parser_reads_it(self, path: Path, gpus: int) -> None:
        (file,) = compose.compose_files(local_model(load_workload(path), CATALOG, gpus=gpus))
        assert PyCompose.from_yaml(file.text).service_names() == ["vllm"]

    def test_the_parser_refuses_what_is_wrong(self) -> None:
        (file,) = compose.compose_files(local())
        with pytest.raises(Exception, match="imagee"):
            PyCompose.from_yaml(file.text.replace("image:", "imagee:"))

    def test_it_listens_on_this_machine_only(self) -> None:
        (file,) = compose.compose_files(local())
        service = yaml.safe_load(file.text)["services"]["vllm"]
        assert service["ports"] == ["127.0.0.1:8000:8000"]
        assert service["command"] == list(local().arguments)
        assert "deploy" not in service
        assert service["environment"]["VLLM_NO_USAGE_STATS"] == "1"

    def test_gpus_are_reserved(self) -> None:
        (file,) = compose.compose_files(local(gpus=2))
        service = yaml.safe_load(file.text)["services"]["vllm"]
        assert service["deploy"]["resources"]["reservations"]["devices"] == [
            {"driver": "nvidia", "count": 2, "capabilities": ["gpu"]}
        ]
        assert service["command"][service["command"].index("--tensor-parallel-size") + 1] == "2"
        assert "VLLM_CPU_KVCACHE_SPACE" not in service["environment"]

    @pytest.mark.parametrize(
        ("gpus", "tensor", "ranks"), [(8, "4", "2"), (2, None, "2"), (3, "3", None), (0, None, None)]
    )
    def test_ranks_are_the_specs_where_the_gpus_divide(
        self, gpus: int, tensor: str | None, ranks: str | None
    ) -> None:
        model = local("Qwen/Qwen3-30B-A3B", gpus=gpus, serving={"dataParallel": 2})
        found = flags(model)
        assert found.get("--tensor-parallel-size") == tensor
        assert found.get("--data-parallel-size") == ranks
        assert ("--enable-expert-parallel" in found) == (ranks is not None)
        assert any("ranks are left out" in note for note in model.notes) == (ranks is None)

    def test_a_stand_in_has_no_ranks(self) -> None:
        model = local("Qwen/Qwen3-30B-A3B", gpus=2, stand_in="Qwen/Qwen3-0.6B", serving={"dataParallel": 2})
        assert flags(model)["--tensor-parallel-size"] == "2"

    def test_a_gated_model_needs_a_token_that_stands_nowhere(self) -> None:
        (file,) = compose.compose_files(local("meta-llama/Llama-3.1-8B-Instruct"))
        assert "${HF_TOKEN:?" in file.text
        assert "HF_TOKEN" not in compose.compose_files(local())[0].text


class TestOllama:
    def test_the_same_weights_under_the_workloads_name(self) -> None:
        (file,) = ollama.ollama_files(local())
        lines = [line for line in file.text.splitlines() if not line.startswith("#")]
        assert file.name == "Modelfile"
        assert lines == ["FROM qwen3:8b", f"PARAMETER num_ctx {CONTEXT}"]
        assert "# ollama create chat -f Modelfile" in file.text

    def test_a_model_without_a_tag_is_told_the_nearest_that_has_one(self) -> None:
        with pytest.raises(InputError, match="holds no deepseek-ai/DeepSeek-V3-0324") as caught:
            ollama.ollama_files(local("deepseek-ai/DeepSeek-V3-0324"))
        (problem,) = caught.value.problems
        assert problem.did_you_mean == "--model deepseek-ai/DeepSeek-V3"
        assert problem.accepted is not None
        assert problem.accepted.startswith("--target compose, or --model")

    def test_tags_are_of_models_in_the_catalog_and_written_as_ollama_writes_them(self) -> None:
        import re

        assert set(ollama.tags()) <= set(CATALOG.model_ids())
        for tag in ollama.tags().values():
            assert re.fullmatch(r"[a-z0-9.-]+(:[a-z0-9.]+)?", tag)


class TestKind:
    @pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
    def test_the_api_server_would_take_every_manifest(self, path: Path) -> None:
        files = {file.name: file.text for file in kind.kind_files(local_model(load_workload(path), CATALOG))}
        documents = list(yaml.safe_load_all(files["manifests.yaml"]))
        assert [document["kind"] for document in documents] == ["Namespace", "Deployment", "Service"]
        for document in documents:
            kubernetes_validate.validate(document, "1.35", strict=True)

    def test_the_validator_refuses_what_is_wrong(self) -> None:
        (_, manifests) = kind.kind_files(local())
        broken = list(yaml.safe_load_all(manifests.text.replace("replicas: 1", "replica: 1")))
        with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
            kubernetes_validate.validate(broken[1], "1.35", strict=True)

    def test_the_cluster_forwards_the_port_of_the_service(self) -> None:
        cluster, manifests = (list(yaml.safe_load_all(file.text)) for file in kind.kind_files(local()))
        (mapping,) = cluster[0]["nodes"][0]["extraPortMappings"]
        service = manifests[2]["spec"]
        assert (cluster[0]["kind"], cluster[0]["apiVersion"]) == ("Cluster", "kind.x-k8s.io/v1alpha4")
        assert mapping["containerPort"] == service["ports"][0]["nodePort"]
        assert (mapping["listenAddress"], mapping["hostPort"]) == ("127.0.0.1", 8000)
        assert service["selector"] == manifests[1]["spec"]["template"]["metadata"]["labels"]

    def test_the_pod_meets_the_restricted_standard_of_its_namespace(self) -> None:
        namespace, deployment, _ = yaml.safe_load_all(kind.kind_files(local())[1].text)
        assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
        pod = deployment["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        (container,) = pod["containers"]
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}

    def test_a_token_comes_from_a_secret(self) -> None:
        model = local("meta-llama/Llama-3.1-8B-Instruct")
        (_, manifests) = kind.kind_files(model)
        (deployment,) = [item for item in yaml.safe_load_all(manifests.text) if item["kind"] == "Deployment"]
        env = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
        assert env[-1] == {
            "name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hugging-face", "key": "token"}}
        }  # fmt: skip
        assert "create secret generic hugging-face" in manifests.text

    def test_gpus_are_refused(self) -> None:
        with pytest.raises(InputError, match=r"--gpus.*no GPU.*--target compose"):
            kind.kind_files(local(gpus=1))
