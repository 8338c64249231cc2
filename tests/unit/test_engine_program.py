"""Programs run offline: what is recorded, what stays unknown or secret, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pulumi
import pytest

from inferstack.engine.program import Run, run_function, run_program
from inferstack.engine.project import resolve
from inferstack.errors import InputError, OutsideError
from inferstack.resources import UNKNOWN, Secret


class Thing(pulumi.CustomResource):
    """A resource of any type, without a provider's SDK."""

    computed: pulumi.Output[str]

    def __init__(self, name, type_="test:index:Thing", opts=None, **props):
        super().__init__(type_, name, {"computed": None, **props}, opts)


class Box(pulumi.ComponentResource):
    def __init__(self, name, props=None, opts=None):
        super().__init__("test:index:Box", name, props or {}, opts)


class Provider(pulumi.ProviderResource):
    def __init__(self, name, opts=None, **props):
        super().__init__("test", name, props, opts)


def recorded(program, **run):
    graph = run_function(program, Run(**run))
    return {resource.name: resource for resource in graph}, graph


def test_component_props_are_recorded_as_plain_values():
    by_name, _ = recorded(
        lambda: Box("box", {"region": "eu-central-1", "zones": 3, "share": 0.5, "on": True})
    )
    assert by_name["box"].inputs == {"region": "eu-central-1", "zones": 3, "share": 0.5, "on": True}
    assert by_name["box"].custom is False


def test_outputs_of_what_does_not_exist_are_unknown_and_inputs_pass_through():
    def program():
        first = Thing("first", size=4)
        Thing("second", of=first.id, note=first.computed, size=first.size.apply(lambda size: size * 2))

    by_name, _ = recorded(program)
    assert by_name["second"].inputs == {"of": UNKNOWN, "note": UNKNOWN, "size": 8}


def test_an_apply_on_an_unknown_output_is_not_run():
    def program():
        Thing("second", of=Thing("first").id.apply(lambda id_: 1 / 0))

    by_name, _ = recorded(program)
    assert by_name["second"].inputs["of"] is UNKNOWN


def test_unknowns_keep_their_place_inside_lists_and_mappings():
    def program():
        Thing("second", rules=[{"to": Thing("first").id, "port": 443}])

    by_name, _ = recorded(program)
    assert by_name["second"].inputs == {"rules": [{"port": 443, "to": UNKNOWN}]}


def test_secrets_stay_secret_through_applies_and_never_show():
    def program():
        first = Thing("first", password=pulumi.Output.secret("hunter2"))
        Thing("second", url=first.password.apply(lambda word: f"https://x:{word}@host"))

    by_name, graph = recorded(program)
    assert by_name["second"].inputs["url"] == Secret("https://x:hunter2@host")
    assert "hunter2" not in repr(graph.resources)


def test_declared_secret_outputs_are_secret_and_unknown():
    def program():
        first = Thing("first", opts=pulumi.ResourceOptions(additional_secret_outputs=["computed"]))
        Thing("second", of=first.computed)

    by_name, _ = recorded(program)
    assert by_name["second"].inputs["of"] == Secret(UNKNOWN)


def test_dependencies_come_from_inputs_and_from_depends_on():
    def program():
        first, other = Thing("first", size=1), Thing("other")
        Thing("second", of=first.id, opts=pulumi.ResourceOptions(depends_on=[other]))

    by_name, _ = recorded(program)
    assert by_name["second"].dependencies == (by_name["first"].urn, by_name["other"].urn)
    assert by_name["second"].property_dependencies == {"of": (by_name["first"].urn,)}


def test_urns_carry_the_chain_of_parent_types_and_not_the_stack():
    def program():
        outer = Box("outer")
        inner = Box("inner", opts=pulumi.ResourceOptions(parent=outer))
        Thing("leaf", opts=pulumi.ResourceOptions(parent=inner))

    by_name, _ = recorded(program, stack="prod", project="shop")
    assert (
        by_name["leaf"].urn == "urn:pulumi:prod::shop::test:index:Box$test:index:Box$test:index:Thing::leaf"
    )
    assert by_name["leaf"].parent == by_name["inner"].urn


def test_resource_options_are_recorded():
    def program():
        Thing(
            "first",
            opts=pulumi.ResourceOptions(
                protect=True,
                retain_on_delete=True,
                delete_before_replace=True,
                ignore_changes=["size"],
                replace_on_changes=["zone"],
                custom_timeouts=pulumi.CustomTimeouts(create="90m", delete="1h"),
                deleted_with=Thing("other"),
            ),
        )

    by_name, _ = recorded(program)
    options = by_name["first"].options
    assert (options.protect, options.retain_on_delete, options.delete_before_replace) == (True, True, True)
    assert (options.ignore_changes, options.replace_on_changes) == (("size",), ("zone",))
    assert options.custom_timeouts == (("create", "1h30m"), ("delete", "1h"))
    assert options.deleted_with == by_name["other"].urn


@pytest.mark.parametrize(
    ("alias", "expected"),
    [
        (pulumi.Alias(name="old"), "urn:pulumi:test::inferstack::test:index:Box$test:index:Thing::old"),
        (
            pulumi.Alias(type_="test:index:Old"),
            "urn:pulumi:test::inferstack::test:index:Box$test:index:Old::t",
        ),
        (pulumi.Alias(parent=None), "urn:pulumi:test::inferstack::test:index:Thing::t"),
        (pulumi.Alias(stack="s2", project="p2"), "urn:pulumi:s2::p2::test:index:Box$test:index:Thing::t"),
        ("urn:pulumi:a::b::c:d:E::f", "urn:pulumi:a::b::c:d:E::f"),
    ],
)
def test_aliases_are_resolved_to_full_urns(alias, expected):
    def program():
        Thing("t", opts=pulumi.ResourceOptions(parent=Box("box"), aliases=[alias]))

    by_name, _ = recorded(program)
    assert by_name["t"].options.aliases == (expected,)


def test_providers_reach_children_through_their_component():
    def program():
        box = Box(
            "box", opts=pulumi.ResourceOptions(providers={"test": Provider("eu", region="eu-central-1")})
        )
        Thing("leaf", opts=pulumi.ResourceOptions(parent=box))

    by_name, graph = recorded(program)
    assert by_name["leaf"].provider == by_name["eu"].urn
    assert graph.provider(by_name["leaf"]).inputs == {"region": "eu-central-1"}


@pytest.mark.parametrize("disabled", ['["test"]', '["*"]'])
def test_a_resource_without_provider_is_refused_where_defaults_are_disabled(disabled):
    with pytest.raises(InputError, match="must name its provider"):
        recorded(lambda: Thing("t"), config={"pulumi:disable-default-providers": disabled})


def test_exports_are_the_graphs_outputs():
    def program():
        pulumi.export("name", "x")
        pulumi.export("id", Thing("t").id)
        pulumi.export("key", pulumi.Output.secret("hunter2"))

    _, graph = recorded(program)
    assert graph.outputs == {"id": UNKNOWN, "key": Secret("hunter2"), "name": "x"}


def test_configuration_and_its_secrets_reach_the_program():
    def program():
        config = pulumi.Config("app")
        Thing("t", plain=config.require("plain"), hidden=config.require_secret("hidden"))

    by_name, graph = recorded(
        program, config={"app:plain": "1", "app:hidden": "hunter2"}, secret_keys=("app:hidden",)
    )
    assert by_name["t"].inputs == {"plain": "1", "hidden": Secret("hunter2")}
    assert graph.config == {"app:hidden": "[secret]", "app:plain": "1"}


def test_the_program_sees_a_preview_under_its_stack_and_project():
    def program():
        Thing("t", stack=pulumi.get_stack(), project=pulumi.get_project(), dry=pulumi.runtime.is_dry_run())

    by_name, _ = recorded(program, stack="prod-eu", project="inferstack")
    assert by_name["t"].inputs == {"stack": "prod-eu", "project": "inferstack", "dry": True}


def test_what_the_program_prints_and_logs_is_kept_apart(capsys):
    def program():
        print("hello")  # noqa: T201  what is tested
        pulumi.log.warn("careful")

    _, graph = recorded(program)
    assert [(found.severity, found.message) for found in graph.diagnostics] == [
        ("info", "hello"),
        ("warning", "careful"),
    ]
    assert capsys.readouterr().out == ""


def _twice():
    Thing("same")
    Thing("same")


def _in_an_apply():
    Thing("first", size=1).size.apply(lambda size: size / 0)


def _await_for_ever():
    import asyncio

    pulumi.Output.from_input(asyncio.Future()).apply(lambda found: found)


@pytest.mark.parametrize(
    ("program", "error", "message"),
    [
        (lambda: 1 / 0, InputError, "ZeroDivisionError: division by zero"),
        (_in_an_apply, InputError, "division by zero"),
        (lambda: exit(3), InputError, "SystemExit: 3"),
        (_twice, InputError, "two resources have the same URN"),
        (lambda: pulumi.log.error("broken"), InputError, "the program reports: broken"),
        (lambda: pulumi.runtime.invoke("aws:index:getRegion", {}), OutsideError, "asks the cloud"),
        (lambda: pulumi.StackReference("org/p/s"), OutsideError, "read from the cloud"),
        (_await_for_ever, OutsideError, "did not finish"),
        (
            lambda: Thing("t", opts=pulumi.ResourceOptions(transforms=[lambda args: None])),
            InputError,
            "does not support transforms",
        ),
    ],
)
def test_a_failing_program_gives_an_error_and_no_graph(program, error, message):
    with pytest.raises(error, match=message):
        run_function(program, Run(timeout_s=0.5))


def test_an_input_error_of_the_program_arrives_unchanged():
    def program():
        raise InputError("residency DE does not allow us-east-1")

    with pytest.raises(InputError, match=r"^residency DE does not allow us-east-1$"):
        run_function(program)


def test_a_run_leaves_nothing_behind():
    def program():
        Thing("t", stack=pulumi.get_stack())

    before = Path.cwd()
    with pytest.raises(InputError):
        run_function(lambda: 1 / 0, Run(stack="broken"))
    first = run_function(program, Run(stack="a"))
    second = run_function(program, Run(stack="b", working_directory=Path(os.sep)))
    assert [graph.resources[-1].inputs["stack"] for graph in (first, second)] == ["a", "b"]
    assert Path.cwd() == before
    assert pulumi.runtime.get_root_resource() is None


def test_the_order_of_resources_does_not_depend_on_the_order_of_creation():
    def forwards():
        Thing("a", of=Thing("z").id)
        Thing("m")

    def backwards():
        Thing("m")
        Thing("a", of=Thing("z").id)

    names = [resource.name for resource in run_function(forwards)]
    assert names == [resource.name for resource in run_function(backwards)]
    assert names.index("z") < names.index("a")


def project(folder, program, config="config:\n  app:size: 3\n"):
    (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\nmain: stacks\nstackConfigDir: stacks\n")
    (folder / "stacks/prod").mkdir(parents=True)
    (folder / "stacks/__main__.py").write_text(program)
    (folder / "stacks/prod/environment.yaml").write_text("kind: Environment\n")
    (folder / "stacks/Pulumi.prod.yaml").write_text(config)
    return folder


PROGRAM = """\
from pathlib import Path
import pulumi
config = pulumi.Config("inferstack").require("environment")
pulumi.export("environment", Path(config).read_text().strip())
pulumi.export("size", pulumi.Config("app").get_int("size"))
pulumi.export("here", Path.cwd().name)
"""


def test_a_stack_runs_in_its_folder_with_its_configuration(tmp_path):
    graph = run_program(resolve(project(tmp_path, PROGRAM) / "stacks/prod/environment.yaml"))
    assert graph.outputs == {"environment": "kind: Environment", "size": 3, "here": "stacks"}
    assert (graph.stack, graph.project) == ("prod", "shop")


def test_an_error_names_its_place_in_the_program(tmp_path):
    start = project(tmp_path, "import pulumi\n\nraise ValueError('no')\n")
    with pytest.raises(InputError, match=r"^stacks/__main__.py:3: the program failed: ValueError: no$"):
        run_program(resolve(start / "stacks/prod/environment.yaml"))


def test_a_project_without_a_program_is_an_input_error(tmp_path):
    start = project(tmp_path, PROGRAM)
    (start / "stacks/__main__.py").unlink()
    with pytest.raises(InputError, match="no program here"):
        run_program(resolve(start / "stacks/prod/environment.yaml"))
