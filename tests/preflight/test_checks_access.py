"""Gated models, certificate, host name, fallbacks: what others must have granted."""

from __future__ import annotations

import datetime as dt
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from inferstack.preflight.checks.bedrock import BEDROCK
from inferstack.preflight.checks.certificate import CERTIFICATE
from inferstack.preflight.checks.dns import DNS
from inferstack.preflight.checks.gated_model import GATED_MODEL
from inferstack.preflight.checks.sagemaker import SAGEMAKER
from inferstack.preflight.needs import Fallback, GatedModel, GatewayNeeds
from inferstack.preflight.types import Status
from tests.preflight.conftest import REGION, needs

HOST = "llm.example.eu"
LLAMA = "meta-llama/Llama-3.3-70B-Instruct"


def gated(state, **changes):
    return needs(models=(GatedModel(workload="chat", checkpoint=LLAMA, gated=state),), **changes)


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        (gated(True), Status.OK),
        (gated(True, missing_secrets=("huggingFaceToken",)), Status.FAIL),
        (gated(None), Status.WARN),
    ],
)
def test_gated_models_without_asking_the_hub(look, wanted, status):
    (found,) = look(GATED_MODEL, wanted=wanted)
    assert found.status is status
    assert look(GATED_MODEL, wanted=gated(False)) == ()


@pytest.fixture
def hub(monkeypatch):
    """A Hub on loopback that knows one token."""

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self):
            known = self.headers.get("Authorization") == "Bearer hf_good"
            code = 500 if "broken" in self.path else 200 if known and LLAMA in self.path else 403
            self.send_response(code)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("token", "status"), [("hf_good", Status.OK), ("hf_bad", Status.FAIL), (None, Status.FAIL)])  # fmt: skip
def test_the_hub_is_asked_when_wanted(look, hub, monkeypatch, token, status):
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    (found,) = look(GATED_MODEL, wanted=gated(True), ask_hub=True)
    assert found.status is status
    assert token is None or token not in repr(found)


def test_a_hub_that_fails_is_unknown(look, hub, monkeypatch):
    broken = needs(models=(GatedModel(workload="chat", checkpoint="a/broken", gated=True),))
    assert look(GATED_MODEL, wanted=broken, ask_hub=True)[0].status is Status.UNKNOWN
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert look(GATED_MODEL, wanted=gated(True), ask_hub=True)[0].status is Status.UNKNOWN
    monkeypatch.setenv("HF_ENDPOINT", "file:///etc")
    assert look(GATED_MODEL, wanted=gated(True), ask_hub=True)[0].status is Status.UNKNOWN


def gateway(arn=None, tls="acm"):
    return needs(gateways=(GatewayNeeds(host=HOST, tls=tls, certificate_arn=arn),))


def described(**changes):
    values = {
        "Status": "ISSUED",
        "DomainName": HOST,
        "SubjectAlternativeNames": [HOST],
        "NotAfter": dt.datetime(2027, 11, 1, tzinfo=dt.UTC),
    }
    return {"Certificate": values | changes}


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (described(), Status.OK, "is issued for llm.example.eu"),
        (described(DomainName="*.example.eu", SubjectAlternativeNames=[]), Status.OK, "is issued"),
        (described(DomainName="a.example.eu", SubjectAlternativeNames=["b.example.eu"]), Status.FAIL, "is for a.example.eu, b.example.eu"),
        (described(DomainName="*.eu", SubjectAlternativeNames=[]), Status.FAIL, "is for *.eu"),
        (described(Status="PENDING_VALIDATION"), Status.FAIL, "PENDING_VALIDATION"),
        (described(NotAfter=dt.datetime(2026, 12, 1, tzinfo=dt.UTC)), Status.WARN, "expires 2026-12-01"),
        (described(NotAfter=dt.datetime(2026, 11, 1, tzinfo=dt.UTC)), Status.FAIL, "expired 2026-11-01"),
    ],
)  # fmt: skip
def test_existing_certificate(look, world, answer, status, says):
    world.answers["DescribeCertificate"] = answer
    (found,) = look(CERTIFICATE, wanted=gateway("arn:aws:acm:eu-central-1:123456789012:certificate/x"))
    assert (found.status, says in found.what) == (status, True), found.what


def test_certificate_that_does_not_exist(look):
    arn = "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
    assert look(CERTIFICATE, wanted=gateway(arn))[0].status is Status.FAIL
    assert look(CERTIFICATE, wanted=gateway(tls="none")) == ()


def test_requested_certificate_says_where_its_record_belongs(look, world):
    (found,) = look(CERTIFICATE, wanted=gateway())
    assert (found.status, "no public hosted zone" in found.what) == (Status.WARN, True)
    route53 = world.client("route53")
    for name in ("eu.", "example.eu.", "ample.eu."):
        route53.create_hosted_zone(Name=name, CallerReference=name)
    (found,) = look(CERTIFICATE, wanted=gateway())
    assert "belongs into hosted zone example.eu" in found.what
    issued = {"CertificateSummaryList": [{"CertificateArn": "arn:x", "DomainName": HOST}]}
    world.answers["ListCertificates"] = issued
    assert look(CERTIFICATE, wanted=gateway())[0].status is Status.OK


def test_host_name(look):
    def silent(_):
        raise OSError("timed out")

    assert look(DNS)[0].status is Status.OK
    (found,) = look(DNS, resolve=lambda _: ())
    assert (found.status, "loadBalancer" in found.fix) == (Status.WARN, True)
    assert look(DNS, resolve=silent)[0].status is Status.UNKNOWN


def fallback(provider, model):
    one = Fallback(workload="chat", provider=provider, model=model, region="eu-west-1", endpoint=None)
    return needs(fallbacks=(one,))


MAY = {
    "authorizationStatus": "AUTHORIZED",
    "entitlementAvailability": "AVAILABLE",
    "regionAvailability": "AVAILABLE",
    "agreementAvailability": {"status": "AVAILABLE"},
}


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (MAY, Status.OK, "may be called"),
        (MAY | {"entitlementAvailability": "NOT_AVAILABLE"}, Status.FAIL, "entitlementAvailability NOT_AVAILABLE"),
        (MAY | {"agreementAvailability": {"status": "PENDING"}}, Status.FAIL, "agreementAvailability PENDING"),
        ({}, Status.FAIL, "authorizationStatus None"),
    ],
)  # fmt: skip
def test_bedrock_access(look, world, answer, status, says):
    asked = []
    world.answers["GetFoundationModelAvailability"] = lambda given: asked.append(given["modelId"]) or answer
    world.answers["GetInferenceProfile"] = {}
    (found,) = look(BEDROCK, wanted=fallback("bedrock", "eu.anthropic.claude-sonnet-4-5-v1:0"))
    assert (found.status, says in found.what) == (status, True), found.what
    assert found.where == "eu-west-1, workload chat"
    assert asked == ["anthropic.claude-sonnet-4-5-v1:0"]


def test_bedrock_model_that_is_not_there(look, world):
    wanted = fallback("bedrock", "bedrock/meta.llama3")
    world.fail("GetFoundationModelAvailability", "ValidationException", "no such model")
    assert look(BEDROCK, wanted=wanted)[0].status is Status.FAIL
    world.fail("GetFoundationModelAvailability", "ThrottlingException")
    assert look(BEDROCK, wanted=wanted)[0].status is Status.UNKNOWN
    assert look(BEDROCK, wanted=fallback("openai", "gpt-5")) == ()


def test_sagemaker_endpoint(look, world):
    wanted = fallback("sagemaker", "sagemaker/my-endpoint")
    assert look(SAGEMAKER, wanted=wanted)[0].status is Status.FAIL
    world.answers["DescribeEndpoint"] = {"EndpointStatus": "Creating"}
    assert "is Creating" in look(SAGEMAKER, wanted=wanted)[0].what
    world.answers["DescribeEndpoint"] = {"EndpointStatus": "InService"}
    assert look(SAGEMAKER, wanted=wanted)[0].status is Status.OK
    assert REGION
