"""One OpenAI-compatible address for all models: load balancer, certificate, web ACL, LiteLLM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import pulumi
import pulumi_aws as aws

from components import arns, gateway_pod, gateway_teams, iam, kube, naming
from components.base import Component
from components.facts import GatewayFacts
from components.gateway_cache import CacheArgs, cache
from components.gateway_config import GatewaySettings, gateway_config, guard_text
from components.gateway_database import DatabaseArgs, database
from components.gateway_pod import GatewaySpec
from components.gateway_times import GatewayTimes, gateway_times
from components.load_balancer import load_balancer_controller
from components.routes import API_KEYS, AWS_PROVIDERS, Backend, providers, route_facts
from components.waf import web_acl
from inferstack.facts import foundation_model

if TYPE_CHECKING:
    from components.pins import Pins

CERTIFICATE_MINUTES: Final = 90
"""How long ``up`` waits for the owner of the host name to publish the validation record."""
BEDROCK_ACTIONS: Final = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")
SAGEMAKER_ACTIONS: Final = ("sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream")


@dataclass(frozen=True, kw_only=True)
class GatewayArgs:
    environment: str
    place: iam.Place
    host: str
    scheme: Literal["internal", "internet-facing"]
    tls: Literal["acm", "none"]
    certificate_arn: str | None
    """Absent with ``tls: acm``: one is requested and waited for."""
    waf: bool
    auth: Literal["keys", "none"]
    timeout_s: int
    replicas: int
    backends: tuple[Backend, ...]
    vpc_cidr: str
    vpc_values: Mapping[str, Any]
    """Chart values by which the load balancer controller finds the VPC."""
    pins: Pins
    tags: Mapping[str, str]
    master_key: pulumi.Input[str] | None
    """Absent: the cluster has the Secret from elsewhere (``gateway-master-key``)."""
    provider_keys: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """API keys by provider; absent ones are expected in the Secret ``gateway-provider-keys``."""
    depends_on: Sequence[pulumi.Resource] = ()
    subnet_ids: tuple[str, ...] = ()
    """Of the load balancer; absent: found by their tags."""
    controller_exists: bool = False
    """The cluster runs the load balancer controller already."""
    database: DatabaseArgs | None = None
    """Keys, teams and spend; absent: the master key is the only one."""
    cache: CacheArgs | None = None
    teams: tuple[gateway_teams.Team, ...] = ()
    team_keys: pulumi.Input[Mapping[str, str]] | None = None
    """A key by team; others are made by whoever holds the master key."""

    @property
    def database_kind(self) -> str:
        return self.database.kind if self.database else "none"

    @property
    def certificate(self) -> str:
        if self.tls == "none":
            return "none"
        return "existing" if self.certificate_arn else "created"

    @property
    def times(self) -> GatewayTimes:
        return gateway_times(self.backends, timeout_s=self.timeout_s)

    def settings(self) -> GatewaySettings:
        stored = self.database is not None
        return GatewaySettings(auth=self.auth, times=self.times, database=stored, cache=self.cache)

    def spec(self) -> GatewaySpec:
        return GatewaySpec(
            image=self.pins.image("litellm"),
            region=self.place.region,
            replicas=self.replicas,
            auth=self.auth,
            config=gateway_config(self.backends, self.settings()),
            guard=guard_text(),
            times=self.times,
            providers=providers(self.backends),
            host=self.host,
            scheme=self.scheme,
            vpc_cidr=self.vpc_cidr,
            database=self.database_kind,
            database_verified=self.database is not None and self.database.authority is not None,
            cache=self.cache.kind if self.cache else "none",
        )

    def facts(self) -> GatewayFacts:
        image = self.pins.image("litellm")
        return GatewayFacts(
            environment=self.environment,
            region=self.place.region,
            host=self.host,
            scheme=self.scheme,
            tls=self.tls,
            certificate=self.certificate,
            waf=self.waf,
            auth=self.auth,
            attempt_timeout_s=self.times.attempt_s,
            image=image.reference,
            image_digest=image.digest,
            replicas=self.replicas,
            database=self.database_kind,
            cache=self.cache.kind if self.cache else "none",
            teams=tuple(team.name for team in self.teams),
            routes=route_facts(self.backends),
        )


class Gateway(Component):
    """The entrance. Callers hold keys of LiteLLM; models are reachable only through it."""

    requested: aws.acm.Certificate | None = None
    """The certificate, when one is requested here."""
    certificate_arn: pulumi.Input[str] | None = None
    """Of the certificate callers see, whoever made it."""

    def __init__(self, name: str, args: GatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Gateway", name, args.facts(), opts)
        self.args = args
        self.spec = args.spec()
        controller = [] if args.controller_exists else [self._controller()]
        self.namespace = self._object(gateway_pod.namespace(), controller)
        proxy = self._proxy()
        self.ingress = self._ingress([*controller, proxy])
        self.register_outputs({"url": self.url})

    @property
    def url(self) -> str:
        return f"{'http' if self.args.tls == 'none' else 'https'}://{self.args.host}/v1"

    @property
    def load_balancer(self) -> pulumi.Output[str | None]:
        """Host name of the load balancer: the host's DNS record points there."""
        return self.ingress.status.apply(host_name)

    @property
    def validation_record(self) -> pulumi.Output[dict[str, str]] | None:
        """The DNS record that proves ownership of the host, when a certificate is requested."""
        if self.requested is None:
            return None
        option = self.requested.domain_validation_options[0]
        return pulumi.Output.all(
            name=option.resource_record_name,
            type=option.resource_record_type,
            value=option.resource_record_value,
        )

    def _controller(self) -> pulumi.Resource:
        chart = self.args.pins.chart("aws-load-balancer-controller")
        return load_balancer_controller(self, self.args.place, chart, vpc=self.args.vpc_values)

    def _object(
        self, document: kube.Document, depends_on: Sequence[pulumi.Resource] = ()
    ) -> kube.KubernetesObject:
        return kube.KubernetesObject(self.name, document, self.child(depends_on=depends_on))

    def _proxy(self) -> kube.KubernetesObject:
        spec, inside = self.spec, [self.namespace]
        beside = [
            self._object(document, inside)
            for document in (
                gateway_pod.service_account(),
                gateway_pod.config_map(spec),
                gateway_pod.service(),
                gateway_pod.disruption_budget(),
                gateway_pod.network_policy(spec),
            )
        ]
        stored = database(self, self.args.database, self.namespace) if self.args.database else ()
        kept = cache(self, self.args.cache, self.namespace) if self.args.cache else ()
        needed = [
            *beside,
            *stored,
            *kept,
            *self._secrets(),
            *self._external_identity(),
            *self.args.depends_on,
        ]
        # the pods migrate one after the other
        minutes = None if spec.database == "none" else (1 + spec.replicas * spec.start_s // 60)
        proxy = kube.KubernetesObject(
            self.name, gateway_pod.deployment(spec), self.child(depends_on=needed, minutes=minutes)
        )
        if self.args.teams:
            self._teams([*self._team_keys(), proxy])
        return proxy

    def _teams(self, depends_on: Sequence[pulumi.Resource]) -> None:
        spec = gateway_teams.TeamsSpec(teams=self.args.teams, image=self.spec.image, keys=self.args.team_keys)
        name = naming.logical(self.name, "teams")
        options = self.child(depends_on=[self.namespace])
        beside = [kube.KubernetesObject(name, item, options) for item in gateway_teams.documents(spec)]
        job = naming.logical(self.name, spec.name)
        kube.KubernetesObject(
            job, gateway_teams.job(spec), self.child(depends_on=[*beside, *depends_on], minutes=20)
        )

    def _team_keys(self) -> list[pulumi.Resource]:
        if self.args.team_keys is None:
            return []
        name = naming.logical(self.name, "team-keys")
        document = gateway_teams.secret(self.args.team_keys)
        return [kube.KubernetesObject(name, document, self.child(depends_on=[self.namespace]))]

    def _secrets(self) -> list[pulumi.Resource]:
        made: list[pulumi.Resource] = []
        options = self.child(depends_on=[self.namespace])
        if self.args.auth == "keys" and self.args.master_key is not None:
            document = gateway_pod.secret(
                gateway_pod.MASTER_SECRET, {"LITELLM_MASTER_KEY": self.args.master_key}
            )
            made.append(kube.KubernetesObject(naming.logical(self.name, "master-key"), document, options))
        keys = {
            API_KEYS[provider]: key
            for provider, key in sorted(self.args.provider_keys.items())
            if provider in API_KEYS and provider in self.spec.providers
        }
        if keys:
            document = gateway_pod.secret(gateway_pod.PROVIDER_SECRET, keys)
            made.append(kube.KubernetesObject(naming.logical(self.name, "providers"), document, options))
        return made

    def _external_identity(self) -> list[pulumi.Resource]:
        """Bedrock and SageMaker are called with the pods' own role, for the models named and no others."""
        statements = external_statements(self.args.place, self.args.backends)
        if not statements:
            return []
        name = naming.logical(self.name, "external")
        role = iam.pod_role(self, name, self.args.place, statements=statements)
        account = iam.ServiceAccount(namespace=gateway_pod.NAMESPACE, name=gateway_pod.APP)
        return [iam.pod_identity(self, name, self.args.place, account, role)]

    def _ingress(self, depends_on: Sequence[pulumi.Resource]) -> kube.KubernetesObject:
        acl = web_acl(self) if self.args.waf else None
        self.certificate_arn = self._certificate_arn()
        document = gateway_pod.ingress(
            self.spec,
            certificate_arn=self.certificate_arn,
            web_acl_arn=acl.output("arn") if acl else None,
            tags=self.args.tags,
            subnet_ids=self.args.subnet_ids,
        )
        return self._object(document, depends_on)

    def _certificate_arn(self) -> pulumi.Input[str] | None:
        if self.args.tls == "none":
            return None
        if self.args.certificate_arn is not None:
            return self.args.certificate_arn
        self.requested = aws.acm.Certificate(
            self.name, domain_name=self.args.host, validation_method="DNS", opts=self.child()
        )
        validation = aws.acm.CertificateValidation(
            self.name, certificate_arn=self.requested.arn, opts=self.child(minutes=CERTIFICATE_MINUTES)
        )
        arn: pulumi.Output[str] = validation.certificate_arn
        return arn


def host_name(status: object) -> str | None:
    """The first address in an Ingress' status; None before there is one."""
    found = status.get("loadBalancer") if isinstance(status, Mapping) else None
    entries = found.get("ingress") if isinstance(found, Mapping) else None
    return str(entries[0]["hostname"]) if entries else None


def external_statements(place: iam.Place, backends: Sequence[Backend]) -> tuple[iam.Statement, ...]:
    """Inference rights on the fallback models that run in AWS."""
    resources: dict[str, set[str]] = {provider: set() for provider in AWS_PROVIDERS}
    prefix = f"arn:{arns.partition(place.region)}"
    for item in (fallback for backend in backends for fallback in backend.external):
        region = item.region or place.region
        if item.provider == "bedrock":
            # an inference profile (eu.anthropic...) calls the foundation model in the regions it spans
            model = foundation_model(item.model)
            profile = f"{prefix}:bedrock:{region}:{place.account}:inference-profile/{item.model}"
            resources["bedrock"] |= {f"{prefix}:bedrock:*::foundation-model/{model}*", profile}
        elif item.provider == "sagemaker":
            resources["sagemaker"].add(f"{prefix}:sagemaker:{region}:{place.account}:endpoint/{item.model}")
    actions = {"bedrock": BEDROCK_ACTIONS, "sagemaker": SAGEMAKER_ACTIONS}
    return tuple(
        iam.Statement(actions=actions[provider], resources=tuple(sorted(found)))
        for provider, found in resources.items()
        if found
    )
