"""The Pulumi program: a stack is one environment, described by the file its configuration names."""

from pathlib import Path

import pulumi

from components.environment import InferenceEnvironment, InferenceEnvironmentArgs
from components.settings import settings_from
from inferstack.catalog.load import load_catalog
from inferstack.sizing.plan import plan_environment
from inferstack.spec.load import load_environment

config = pulumi.Config("inferstack")
# the working directory of a program is a detail of the engine; this file's place is not
path = Path(__file__).parent / (config.get("environment") or f"{pulumi.get_stack()}/environment.yaml")
loaded, catalog = load_environment(path), load_catalog()
plan = plan_environment(loaded, catalog)
args = InferenceEnvironmentArgs(loaded=loaded, plan=plan, catalog=catalog, settings=settings_from(config))
environment = InferenceEnvironment(loaded.environment.name, args)

for name, value in environment.outputs.items():
    pulumi.export(name, value)
