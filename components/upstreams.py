"""Public registries that ECR can fetch from, and what it asks of them.

ECR user guide, pull through cache, read 2026-11-24. Of others (nvcr.io) it fetches nothing: their images keep
their names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from components import naming

if TYPE_CHECKING:
    from components.iam import Place

PREFIX_LIMIT: Final = 30


@dataclass(frozen=True, kw_only=True)
class Upstream:
    name: str
    host: str
    """As it stands in image names."""
    url: str
    needs_key: bool = False

    def prefix(self, environment: str) -> str:
        """Of repositories; unique in account and region, where several environments may live."""
        return f"{naming.fit(environment, PREFIX_LIMIT - len(self.name) - 1)}/{self.name}"


UPSTREAMS: Final = (
    Upstream(name="docker-hub", host="docker.io", url="registry-1.docker.io", needs_key=True),
    Upstream(name="github", host="ghcr.io", url="ghcr.io", needs_key=True),
    Upstream(name="gitlab", host="registry.gitlab.com", url="registry.gitlab.com", needs_key=True),
    Upstream(name="ecr-public", host="public.ecr.aws", url="public.ecr.aws"),
    Upstream(name="k8s", host="registry.k8s.io", url="registry.k8s.io"),
    Upstream(name="quay", host="quay.io", url="quay.io"),
)


def upstreams_of(repositories: Iterable[str]) -> tuple[Upstream, ...]:
    """Those that some repository (``docker.io/vllm/vllm-openai``) comes from."""
    hosts = {repository.partition("/")[0] for repository in repositories}
    return tuple(upstream for upstream in UPSTREAMS if upstream.host in hosts)


def prefixes(environment: str) -> Mapping[str, str]:
    """What stands for a registry's host in the account's own registry."""
    return {upstream.host: upstream.prefix(environment) for upstream in UPSTREAMS}


def account_registry(place: Place) -> str:
    suffix = "amazonaws.com.cn" if place.region.startswith("cn-") else "amazonaws.com"
    return f"{place.account}.dkr.ecr.{place.region}.{suffix}"
