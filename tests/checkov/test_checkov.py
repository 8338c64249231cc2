"""checkov on all that an environment makes: its AWS half as Terraform JSON, its Kubernetes objects as manifests."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml

from inferstack.engine.manifests import manifests
from tests.aws.environments import IN_AN_EXISTING_VPC, NEW, THERE, everything_of_provider_5
from tests.aws.terraform import Document, render
from tests.components import builders
from tests.components.running import build, preview

pytestmark = pytest.mark.checkov
ROOT = Path(__file__).resolve().parents[2]
CHECKOV = ROOT / ".tools" / "checkov" / "bin" / "checkov"
ENVIRONMENTS = {
    **{name: NEW[name] for name in ("dev", "prod-eu", "prod-us", "groups", "karpenter", "stores")},
    "adopted-cluster": lambda: IN_AN_EXISTING_VPC["adopted-cluster"](THERE),
    "everything": everything_of_provider_5,
}
WEAK = "weak"
"""A rendering that was made worse, so that a run which finds nothing is not taken for a good one."""


@dataclass(frozen=True)
class Skip:
    id: str
    resource: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        return finding.id == self.id and fnmatchcase(finding.resource, self.resource)


@dataclass(frozen=True)
class Finding:
    environment: str
    id: str
    resource: str
    title: str

    def __str__(self) -> str:
        return f"{self.environment}: {self.id} {self.resource}: {self.title}"


@dataclass(frozen=True)
class Report:
    findings: tuple[Finding, ...]
    passed: Counter[tuple[str, str]]
    """Checks that passed, by framework and environment."""


SKIPS = tuple(
    Skip(**entry)
    for entry in yaml.safe_load((Path(__file__).parent / "skips.yaml").read_text(encoding="utf-8"))
)


def write(folder: Path) -> None:
    """One folder an environment, with both halves."""
    for name, make in ENVIRONMENTS.items():
        args = make()
        here = folder / name
        here.mkdir()
        environment = args.loaded.environment
        document = render(build(args), region=environment.cloud.region, default_tags=dict(environment.tags))
        (here / "main.tf.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
        for file in manifests(preview(build(args))):
            if file.file != "90-helm-releases.yaml":
                (here / file.file).write_text(file.text, encoding="utf-8")
    (folder / WEAK).mkdir()
    args = builders.prod()
    document = weakened(render(build(args), region="eu-central-1", default_tags={}))
    (folder / WEAK / "main.tf.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    bad = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "bad", "namespace": "x"},
        "spec": {"containers": [{"name": "c", "image": "x:latest", "securityContext": {"privileged": True}}]},
    }
    (folder / WEAK / "pod.yaml").write_text(yaml.safe_dump(bad), encoding="utf-8")


def weakened(document: Document) -> Document:
    """An open API server, unencrypted disks, a bucket without its guards."""
    resources = document["resource"]
    for cluster in resources["aws_eks_cluster"].values():
        cluster["vpc_config"] |= {"endpoint_public_access": True, "public_access_cidrs": ["0.0.0.0/0"]}
        del cluster["encryption_config"]
    for template in resources["aws_launch_template"].values():
        template["metadata_options"]["http_tokens"] = "optional"
    del resources["aws_s3_bucket_public_access_block"]
    return document


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    if not CHECKOV.exists():
        pytest.skip("checkov is not installed in .tools/checkov; `make test-checkov` does that")
    folder = tmp_path_factory.mktemp("checkov")
    write(folder)
    return run(folder)


def run(folder: Path) -> Report:
    """Offline: nothing is downloaded, and a proxy that is not there stops what would be."""
    nowhere = "http://127.0.0.1:9"
    settings = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "HTTPS_PROXY": nowhere,
        "HTTP_PROXY": nowhere,
        "LOG_LEVEL": "ERROR",
    }
    arguments = [
        "-d",
        str(folder),
        "--framework",
        "terraform_json",
        "kubernetes",
        "--skip-download",
        "-o",
        "json",
    ]
    done = subprocess.run(
        [str(CHECKOV), *arguments], env=settings, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stdout.startswith(("[", "{")), f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    findings, passed = [], Counter()
    for part in json.loads(done.stdout):
        assert not part["results"]["parsing_errors"], part["results"]["parsing_errors"]
        for result in part["results"]["failed_checks"]:
            where = Path(result["file_path"].lstrip("/")).parts[0]
            findings.append(Finding(where, result["check_id"], result["resource"], result["check_name"]))
        for result in part["results"]["passed_checks"]:
            passed[part["check_type"], Path(result["file_path"].lstrip("/")).parts[0]] += 1
    return Report(tuple(findings), passed)


def test_no_finding_without_a_reason(report: Report) -> None:
    open_ = [
        finding
        for finding in report.findings
        if finding.environment != WEAK and not any(skip.covers(finding) for skip in SKIPS)
    ]
    assert not open_, "\n".join(map(str, open_))


def test_no_reason_without_a_finding(report: Report) -> None:
    found = [finding for finding in report.findings if finding.environment != WEAK]
    unused = [skip for skip in SKIPS if not any(skip.covers(finding) for finding in found)]
    assert not unused, unused


def test_reasons_are_given_once_and_say_something() -> None:
    keys = Counter((skip.id, skip.resource) for skip in SKIPS)
    assert max(keys.values()) == 1
    assert all(len(skip.reason) > 40 for skip in SKIPS)


@pytest.mark.parametrize("name", list(ENVIRONMENTS))
def test_each_half_of_each_environment_was_looked_at(name: str, report: Report) -> None:
    assert report.passed["terraform_json", name] > 50
    assert report.passed["kubernetes", name] > 50


def test_what_is_made_worse_is_found(report: Report) -> None:
    found = {finding.id for finding in report.findings if finding.environment == WEAK}
    # an API server for everyone, secrets without a key, IMDSv1, a bucket that may become public, a privileged pod
    assert {"CKV_AWS_38", "CKV_AWS_58", "CKV_AWS_79", "CKV2_AWS_6", "CKV_K8S_16"} <= found
