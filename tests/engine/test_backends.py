"""State in an S3 bucket, secrets encrypted with KMS: the backend of the README, against moto on loopback."""

from __future__ import annotations

import json

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.engine.deployed import SECRET, Deployed, ok, secrets
from tests.engine.harness import missing

pytestmark = pytest.mark.engine

REGION = "eu-central-1"
BACKEND = f"s3://state?region={REGION}"
PROVIDER = f"awskms://alias/pulumi?region={REGION}"


@pytest.fixture
def aws(monkeypatch):
    """Credentials and endpoint of a moto server with a state bucket and a key."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    variables = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3", region_name=REGION).create_bucket(
        Bucket="state", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    kms = boto3.client("kms", region_name=REGION)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/pulumi", TargetKeyId=key)
    yield variables
    server.stop()


def test_state_in_a_bucket_and_secrets_under_a_key(aws, tmp_path):
    made = Deployed.make(tmp_path, init=False)
    made.variables |= aws | {"PULUMI_BACKEND_URL": BACKEND}
    made.variables["PULUMI_CONFIG_PASSPHRASE"] = ""
    try:
        begun = made.pulumi("stack", "init", "dev", "--secrets-provider", PROVIDER)
        assert begun.returncode == 0, begun.stderr
        for name in secrets():
            key = made.pulumi("config", "set", "--secret", f"inferstack:{name}", SECRET, "--stack", "dev")
            assert key.returncode == 0, key.stderr
        settings = (made.root / "stacks/Pulumi.dev.yaml").read_text()
        assert f"secretsprovider: {PROVIDER}" in settings
        assert SECRET not in settings

        doctor = made.run("doctor", "dev", "--check", "state", "--json")
        found = {one["what"]: one["status"] for one in json.loads(doctor.stdout)["findings"]}
        assert found == {
            f"the state bucket is in {REGION}, outside US: resource names, network layout and encrypted secrets"
            " are in the state": "warn",
            f"the key of the stack's secrets is in {REGION}, outside US: resource names, network layout and"
            " encrypted secrets are in the state": "warn",
        }

        deployed = ok(made.run("up", "dev", "--yes", "--skip-doctor", "--skip-preview", "--json"))
        assert deployed["changes"]["create"] > 100
        bucket = boto3.client("s3", region_name=REGION)
        names = [one["Key"] for one in bucket.list_objects_v2(Bucket="state")["Contents"]]
        state = next(name for name in names if name.endswith("stacks/inferstack/dev.json"))
        text = bucket.get_object(Bucket="state", Key=state)["Body"].read().decode()
        assert "gatewayUrl" in text
        assert SECRET not in text
    finally:
        made.remove()
