"""IAM, KMS, certificates, secrets."""

from __future__ import annotations

from tests.aws.cloud import Cloud, Inputs, Made, makes, physical
from tests.aws.make_ec2 import spent


@makes("aws:iam/role:Role")
def role(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    request = {"AssumeRolePolicyDocument": inputs.pop("assumeRolePolicy")}
    if boundary := inputs.pop("permissionsBoundary", None):
        request["PermissionsBoundary"] = boundary
    for key, parameter in (("description", "Description"), ("maxSessionDuration", "MaxSessionDuration")):
        if key in inputs:
            request[parameter] = inputs.pop(key)
    full = inputs.pop("name", None) or physical(name, 64)
    made = cloud.client("iam").create_role(RoleName=full, **request)["Role"]
    return spent(inputs, full, name=full, arn=made["Arn"])


@makes("aws:iam/rolePolicy:RolePolicy")
def role_policy(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    """moto parses the document as IAM does: version, effects, actions, resources, conditions."""
    document = inputs.pop("policy")
    assert len("".join(document.split())) <= 10_240, f"{name}: IAM takes 10,240 characters of inline policies"
    role, policy = inputs.pop("role"), physical(name, 128)
    cloud.client("iam").put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=document)
    return spent(inputs, f"{role}:{policy}")


@makes("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
def attachment(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    role, arn = inputs.pop("role"), inputs.pop("policyArn")
    cloud.client("iam").attach_role_policy(RoleName=role, PolicyArn=arn)
    return spent(inputs, f"{role}-{arn}")


@makes("aws:iam/policy:Policy")
def policy(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    document = inputs.pop("policy")
    assert len("".join(document.split())) <= 6_144, f"{name}: IAM takes 6,144 characters in a managed policy"
    full = inputs.pop("name", None) or physical(name, 128)
    made = cloud.client("iam").create_policy(PolicyName=full, PolicyDocument=document)["Policy"]
    inputs.pop("description", None)
    return spent(inputs, made["Arn"], arn=made["Arn"], name=full)


@makes("aws:iam/instanceProfile:InstanceProfile")
def instance_profile(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    iam = cloud.client("iam")
    full = inputs.pop("name", None) or physical(name, 128)
    made = iam.create_instance_profile(InstanceProfileName=full)["InstanceProfile"]
    iam.add_role_to_instance_profile(InstanceProfileName=full, RoleName=inputs.pop("role"))
    return spent(inputs, full, name=full, arn=made["Arn"])


@makes("aws:kms/key:Key")
def key(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    kms = cloud.client("kms")
    request = {"Description": inputs.pop("description")}
    if document := inputs.pop("policy", None):
        request["Policy"] = document
    made = kms.create_key(**request)["KeyMetadata"]
    if inputs.pop("enableKeyRotation"):
        kms.enable_key_rotation(KeyId=made["KeyId"])
    assert 7 <= inputs.pop("deletionWindowInDays") <= 30
    return spent(inputs, made["KeyId"], keyId=made["KeyId"], arn=made["Arn"])


@makes("aws:kms/alias:Alias")
def alias(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    full = inputs.pop("name")
    cloud.client("kms").create_alias(AliasName=full, TargetKeyId=inputs.pop("targetKeyId"))
    return spent(inputs, full)


@makes("aws:acm/certificate:Certificate")
def certificate(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    acm = cloud.client("acm")
    arn = acm.request_certificate(
        DomainName=inputs.pop("domainName"), ValidationMethod=inputs.pop("validationMethod")
    )["CertificateArn"]
    described = acm.describe_certificate(CertificateArn=arn)["Certificate"]["DomainValidationOptions"]
    options = [
        {
            "resourceRecordName": one["ResourceRecord"]["Name"],
            "resourceRecordType": one["ResourceRecord"]["Type"],
            "resourceRecordValue": one["ResourceRecord"]["Value"],
        }
        for one in described
    ]
    return spent(inputs, arn, arn=arn, domainValidationOptions=options)


@makes("aws:acm/certificateValidation:CertificateValidation")
def certificate_validation(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    """Waits in the provider; there is no such thing in the API."""
    arn = inputs.pop("certificateArn")
    assert (
        cloud.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]["CertificateArn"] == arn
    )
    return spent(inputs, arn, certificateArn=arn)
