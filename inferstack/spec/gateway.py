"""The entrance of an environment: address, TLS, keys and their database, teams, cache. Values only."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from inferstack.spec.base import Section
from inferstack.spec.capacity import Budget
from inferstack.spec.delivery import Classification
from inferstack.spec.identifiers import CertificateArn, HostName, Name, Shape
from inferstack.spec.quantities import Duration, Percentage, conflict, duration_text

SHORTEST_TIMEOUT = dt.timedelta(seconds=1)
LONGEST_TIMEOUT = dt.timedelta(minutes=15)
"""A load balancer waits at most 4000 s, and a request may be tried more than once."""
DatabaseClass = Annotated[
    str,
    Shape(r"db\.[a-z0-9]+\.[a-z0-9]+", "not a database instance class", "a class such as db.t4g.medium", 32),
]
CacheNode = Annotated[
    str, Shape(r"cache\.[a-z0-9]+\.[a-z0-9]+", "not a cache node type", "a type such as cache.t4g.small", 32)
]
Limit = Annotated[int, Field(ge=1, le=1_000_000_000)]


class Team(Section):
    """Callers that share a budget and limits."""

    name: Name
    """Unique in the environment."""
    budget: Budget | None = None
    """What its requests may cost a month, at the prices of the backends; absent: no limit."""
    rpm: Limit | None = None
    """Requests a minute."""
    tpm: Limit | None = None
    """Tokens a minute."""
    models: tuple[Name, ...] = ()
    """Workloads it may call; empty: all."""


class Cache(Section):
    """Answers to prompts that mean the same, kept for a while."""

    kind: Literal["none", "in-cluster", "elasticache"] = "none"
    """Valkey in the cluster, or Amazon ElastiCache for Valkey."""
    embedding: Name | None = None
    """The workload that turns prompts into vectors; required with a cache."""
    similarity: Percentage = Field(default=0.95, json_schema_extra={"default": "95%"})
    """How alike two prompts must be."""
    ttl: Duration = Field(default=dt.timedelta(hours=1), json_schema_extra={"default": "1h"})
    """How long an answer is kept."""
    max_classification: Classification = "internal"
    """The most sensitive class of data whose answers are kept; `restricted` is refused."""
    node_type: CacheNode = "cache.t4g.small"
    """ElastiCache node type."""

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.kind != "none" and self.embedding is None:
            message = "a semantic cache compares prompts by their embeddings"
            raise conflict(message, "kind", "embedding", accepted="embedding: an embedding workload's name")
        if self.kind == "none" and self.model_fields_set - {"kind"}:
            field = sorted(self.model_fields_set - {"kind"})[0]
            raise conflict(
                "has no effect without a cache", CACHE_KEYS[field], "kind", accepted="kind: in-cluster"
            )
        if self.max_classification == "restricted":
            message = "restricted data is never kept in a shared cache"
            raise conflict(message, "maxClassification", accepted="public, internal or confidential")
        return self


CACHE_KEYS = {
    "embedding": "embedding",
    "similarity": "similarity",
    "ttl": "ttl",
    "max_classification": "maxClassification",
    "node_type": "nodeType",
}


class Gateway(Section):
    """The entrance for callers."""

    host: HostName
    """DNS name callers use."""
    tls: Literal["acm", "none"] = "acm"
    """`acm`: a certificate of AWS Certificate Manager."""
    certificate_arn: CertificateArn | None = None
    """An existing certificate; absent: one is requested for `host`."""
    waf: bool = True
    """AWS WAF in front."""
    auth: Literal["keys", "none"] = "keys"
    """How callers prove who they are: keys of teams (with a `database`), else the master key alone."""
    scheme: Literal["internal", "internet-facing"] = "internal"
    """Whether the load balancer has public addresses."""
    timeout: Duration = Field(default=dt.timedelta(minutes=10), json_schema_extra={"default": "10m"})
    """Longest time for one attempt at an answer; every idle timeout on the way is longer."""
    database: Literal["rds", "in-cluster", "none"] = "none"
    """Where keys, teams and spend are kept: Amazon RDS, PostgreSQL in the cluster, or nowhere."""
    database_class: DatabaseClass = "db.t4g.medium"
    """RDS instance class."""
    database_storage_gib: Annotated[int, Field(ge=20, le=16_384)] = 20
    """Size of the database's volume."""
    teams: tuple[Team, ...] = ()
    """Callers with budgets and limits; needs a `database`."""
    cache: Cache = Cache()
    """Semantic cache of answers."""
    routing: Literal["random", "prefix-aware"] = "random"
    """`random`: any replica gets a request. `prefix-aware`: the one with its prompt's beginning cached."""

    @model_validator(mode="after")
    def _certificate_is_used(self) -> Self:
        if self.tls == "none" and self.certificate_arn is not None:
            raise conflict("has no effect without TLS", "certificateArn", "tls", accepted="tls: acm")
        return self

    @model_validator(mode="after")
    def _timeout_is_bounded(self) -> Self:
        if not SHORTEST_TIMEOUT <= self.timeout <= LONGEST_TIMEOUT:
            accepted = f"{duration_text(SHORTEST_TIMEOUT)} to {duration_text(LONGEST_TIMEOUT)}"
            raise conflict("out of what the load balancer can wait for", "timeout", accepted=accepted)
        return self

    @model_validator(mode="after")
    def _teams_have_a_place(self) -> Self:
        names = [team.name for team in self.teams]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise conflict(f"the team {twice} stands twice", "teams", accepted="a name of its own for each")
        if self.teams and self.database == "none":
            message = "teams and their spend are kept in a database"
            raise conflict(message, "teams", "database", accepted="database: rds or in-cluster")
        if self.database != "none" and self.auth == "none":
            message = "a database holds keys, and no keys are asked for"
            raise conflict(message, "database", "auth", accepted="auth: keys, or no database")
        unused = self.model_fields_set & {"database_class"}
        if unused and self.database != "rds":
            raise conflict("has no effect without RDS", "databaseClass", "database", accepted="database: rds")
        return self
