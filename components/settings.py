"""What a stack's configuration adds to the environment's files: secrets and image digests, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from components.upstreams import UPSTREAMS
from inferstack.errors import InputError, Problem


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All optional for a preview; an update needs the secrets that ``Resolved.missing_secrets`` names."""

    gateway_master_key: pulumi.Input[str] | None = None
    hugging_face_token: pulumi.Input[str] | None = None
    provider_keys: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """API keys of external backends by provider (openai, together, ...)."""
    registry_keys: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """``user:token`` by upstream registry (docker-hub, ...), for images through the account's registry."""
    alert_webhook: pulumi.Input[str] | None = None
    """Address that alerts are posted to, where ``monitoring.alerts.webhook`` says so."""

    gateway_database_password: pulumi.Input[str] | None = None
    team_keys: pulumi.Input[Mapping[str, str]] | None = None
    """A gateway key by team, at least ``sk-`` and 16 characters each."""
    image_digests: Mapping[str, str] = field(default_factory=dict)
    """``sha256:...`` by image name (vllm, litellm)."""
    secrets_in_cluster: bool = False
    """The Secrets come from elsewhere (External Secrets, by hand); `up` does not ask for them."""

    def require(self, missing: tuple[str, ...]) -> None:
        """A preview may lack secrets; an update without them would leave pods waiting, so it never starts."""
        if pulumi.runtime.is_dry_run() or not missing:
            return
        raise InputError(
            *(
                Problem(
                    message="needed and not set",
                    path=f"inferstack:{name}",
                    accepted=f"pulumi config set --secret {name}, or secretsInCluster: true",
                )
                for name in missing
            )
        )


def settings_from(config: pulumi.Config) -> Settings:
    """Reads ``inferstack:`` keys of the stack: ``pulumi config set --secret gatewayMasterKey ...``."""
    return Settings(
        gateway_master_key=config.get_secret("gatewayMasterKey"),
        hugging_face_token=config.get_secret("huggingFaceToken"),
        provider_keys=_provider_keys(config),
        registry_keys=_registry_keys(config),
        alert_webhook=config.get_secret("alertWebhook"),
        gateway_database_password=config.get_secret("gatewayDatabasePassword"),
        team_keys=config.get_secret_object("teamKeys"),
        image_digests=_digests(config),
        secrets_in_cluster=config.get_bool("secretsInCluster") or False,
    )


def _provider_keys(config: pulumi.Config) -> dict[str, pulumi.Input[str]]:
    """One secret per provider: ``inferstack:providerKey.openai``."""
    names = ("openai", "together", "anyscale", "huggingface")
    keys = {name: config.get_secret(f"providerKey.{name}") for name in names}
    return {name: key for name, key in keys.items() if key is not None}


def _registry_keys(config: pulumi.Config) -> dict[str, pulumi.Input[str]]:
    """One secret per registry: ``inferstack:registryKey.docker-hub``, a user and a token, colon between."""
    names = (upstream.name for upstream in UPSTREAMS if upstream.needs_key)
    keys = {name: config.get_secret(f"registryKey.{name}") for name in names}
    return {name: key for name, key in keys.items() if key is not None}


def _digests(config: pulumi.Config) -> dict[str, str]:
    value = config.get_object("imageDigests") or {}
    if not isinstance(value, Mapping) or not all(isinstance(text, str) for text in value.values()):
        raise InputError(
            Problem(
                message="not a mapping of image names to digests",
                path="inferstack:imageDigests",
                accepted="{vllm: sha256:...}",
            )
        )
    wrong = [name for name, text in sorted(value.items()) if not text.startswith("sha256:")]
    if wrong:
        raise InputError(
            *(
                Problem(
                    message="not a digest",
                    path=f"inferstack:imageDigests.{name}",
                    value=value[name],
                    accepted="sha256: and 64 hexadecimal digits",
                )
                for name in wrong
            )
        )
    return dict(value)
