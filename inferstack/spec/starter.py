"""First spec files, with comments that say what else there is. Text only; the caller writes it."""

from __future__ import annotations

import json

WORKLOAD = """\
# One model to serve. Every field: `inferstack schema workload`, docs/spec.md.
apiVersion: inferstack/v1
kind: Workload
name: {name}
owner: my-team               # who answers for it
costCentre: my-cost-centre
model: {model}
# or, in full:
# model: {{id: {model}, quantization: auto, maxContext: 16384}}
traffic:
  requestsPerDay: {requests_per_day}        # or tokensPerDay, or peakRequestsPerSecond
  # peakToAverage: 3.5         # or hourly: [24 numbers], or trace: week.csv
  # inputTokens: {{mean: 1200, p95: 4000}}
  # outputTokens: {{mean: 250, p95: 800}}
  # sharedPrefix: 0.4          # share of prompt tokens that requests have in common
# slo: {{ttftP95: 1s, itlP95: 60ms, availability: 99.9%}}   # absent: defaults of the model's task
# data: {{classification: internal, residency: [EU], regulations: [GDPR]}}
# usage: {{commercial: true, monthlyActiveUsers: 250000, euUsers: true}}   # licences ask for these
# capacity:
#   purchase: [on-demand]      # spot, savings-plan-1y, savings-plan-3y, reserved, ...
#   replicas: {{min: 2, max: 8}}
# rollout: {{strategy: canary, steps: [5, 25, 50, 100]}}
# budget: {{monthlyUsd: 45000}}
"""

ENVIRONMENT = """\
# One place where workloads run. Every field: `inferstack schema environment`, docs/spec.md.
apiVersion: inferstack/v1
kind: Environment
name: {name}
cloud: {{provider: aws, account: "{account}", region: {region}, zones: {zones}}}{account_note}
data: {{residency: [{residency}]}}
network: {{cidr: {cidr}, nat: single, private: true}}     # nat: none | single | per-zone
cluster: {{version: "{version}", endpoint: private, gpuNodes: managed}}
# gateway: {{host: llm.example.com, tls: acm, waf: true, auth: keys}}
monitoring: {{stack: prometheus, retention: 15d, sampling: 1%}}
policy: {{strict: true, level: mandatory}}     # waivers: waivers.yaml
# budget: {{monthlyUsd: 90000}}
tags: {{environment: {name}}}
workloads: workloads/
"""


def scalar(text: str) -> str:
    """``text`` as a YAML scalar: bare where that is safe, else in double quotes."""
    safe = text[:1].isalpha() and all(letter.isalnum() or letter in "-_./" for letter in text)
    return text if safe and text.isascii() else json.dumps(text)


def starter_workload(*, name: str, model: str, requests_per_day: int) -> str:
    """A workload file with the required fields set and the rest as comments."""
    return WORKLOAD.format(name=scalar(name), model=scalar(model), requests_per_day=requests_per_day)


def starter_environment(
    *, name: str, account: str | None, region: str, zones: int, residency: str, version: str
) -> str:
    """An environment file; without ``account`` it has a stand-in that must be replaced."""
    return ENVIRONMENT.format(
        name=scalar(name),
        account=(account or "000000000000").replace('"', ""),
        account_note="" if account else "   # put your account id here",
        region=scalar(region),
        zones=zones,
        residency=scalar(residency),
        cidr="10.40.0.0/16",
        version=version,
    )
