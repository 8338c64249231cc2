"""INF-RES-009: addresses of AWS services in any configuration, and named buckets, are in allowed regions."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.policy.about import required_environment
from inferstack.policy.places import allowed, host_regions, named_regions, outside
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail, not_applicable
from inferstack.resources import Resource
from inferstack.view import View, known_texts

BUCKET_KEYS = ("bucket", "bucketName", "s3Bucket")


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    residency = required_environment(context, resource).residency
    if not residency:
        yield not_applicable("the environment states no residency")
        return
    for path, text in known_texts(view.values):
        for region in sorted(set(host_regions(text))):
            if not allowed(region, residency, context.knowledge):
                yield fail(f"{path} points to a service: {outside(region, residency)}")
        named = path.rpartition(".")[2] in BUCKET_KEYS or text.startswith("s3://")
        for region in sorted(set(named_regions(text, context.knowledge))) if named else ():
            if not allowed(region, residency, context.knowledge):
                yield fail(f"{path} names a bucket: {outside(region, residency)}")


RULE = ResourceRule(
    id="INF-RES-009",
    title="Service addresses and bucket names are in allowed regions",
    severity=Severity.HIGH,
    rationale="An address in a config map or chart value sends data abroad as surely as a resource there.",
    remediation="Point to the service or bucket of a region inside data.residency.",
    url="https://docs.aws.amazon.com/general/latest/gr/rande.html",
    tags=("data", "region"),
    frameworks=("GDPR Art. 44",),
    types=("aws:*", "kubernetes:*", "inferstack:*"),
    check=check,
)
