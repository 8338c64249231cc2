"""Images through the account's own registry: ECR fetches each once, keeps it in the region, and scans it.

Repositories are made here, encrypted and with an end for layers that nothing names any more; nodes then need
only the right to fetch through a rule, which their managed policy has.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pulumi

from components import naming
from components.base import Component
from components.facts import ImageCacheFacts
from components.upstreams import Upstream, account_registry
from components.wire import WireResource, ecr, secret

if TYPE_CHECKING:
    from components.iam import Place
    from components.pins import Image

UNTAGGED_DAYS: Final = 14


@dataclass(frozen=True, kw_only=True)
class ImageCacheArgs:
    environment: str
    place: Place
    images: tuple[Image, ...]
    upstreams: tuple[Upstream, ...]
    keys: Mapping[str, pulumi.Input[str]]
    """``user:token`` by upstream, for those that ask who pulls."""
    key_arn: pulumi.Input[str]

    def facts(self) -> ImageCacheFacts:
        return ImageCacheFacts(
            environment=self.environment,
            region=self.place.region,
            registry=account_registry(self.place),
            upstreams=tuple(upstream.host for upstream in self.upstreams),
            repositories=tuple(image.repository for image in self.images),
        )


class ImageCache(Component):
    """One rule an upstream registry, one repository an image; ``ready`` is what pulling pods wait for."""

    def __init__(self, name: str, args: ImageCacheArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ImageCache", name, args.facts(), opts)
        self.args = args
        rules = [self._rule(upstream) for upstream in args.upstreams]
        repositories = [self._repository(image) for image in args.images]
        self.ready: tuple[pulumi.Resource, ...] = (*rules, *repositories)
        self.register_outputs({})

    def _rule(self, upstream: Upstream) -> WireResource:
        inputs = {
            "ecrRepositoryPrefix": upstream.prefix(self.args.environment),
            "upstreamRegistryUrl": upstream.url,
            "credentialArn": self._credential(upstream),
        }
        return ecr("PullThroughCacheRule", naming.logical(self.name, upstream.name), inputs, self.child())

    def _credential(self, upstream: Upstream) -> pulumi.Input[str] | None:
        """ECR reads secrets by this prefix only, and only under the account's default key."""
        if not upstream.needs_key:
            return None
        name = naming.logical(self.name, upstream.name)
        physical = f"ecr-pullthroughcache/{naming.fit(f'inferstack-{self.args.environment}')}-{upstream.name}"
        made = secret("Secret", name, {"name": physical, "recoveryWindowInDays": 7}, self.child())
        key = self.args.keys.get(upstream.name)
        if key is not None:
            value: pulumi.Output[str] = pulumi.Output.secret(key).apply(credential)
            inputs = {"secretId": made.id, "secretString": value}
            secret("SecretVersion", name, inputs, self.child())
        return made.output("arn")

    def _repository(self, image: Image) -> WireResource:
        name = naming.logical(self.name, naming.kubernetes(image.repository.rpartition("/")[2]))
        inputs = {
            "name": image.repository,
            # a tag that is pinned here never means another image, whatever happens upstream
            "imageTagMutability": "IMMUTABLE",
            "imageScanningConfiguration": {"scanOnPush": True},
            "encryptionConfigurations": [{"encryptionType": "KMS", "kmsKey": self.args.key_arn}],
            # a cache: what it holds can be fetched again
            "forceDelete": True,
        }
        repository = ecr("Repository", name, inputs, self.child())
        rules = {"repository": repository.id, "policy": json.dumps(lifecycle(), sort_keys=True)}
        ecr("LifecyclePolicy", name, rules, self.child())
        return repository


def credential(key: str) -> str:
    """The secret as ECR reads it, of a ``user:token`` pair."""
    user, _, token = key.partition(":")
    return json.dumps({"username": user, "accessToken": token})


def lifecycle() -> dict[str, Any]:
    selection = {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": UNTAGGED_DAYS,
    }
    return {"rules": [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]}
