"""The `inferstack` command: one command a file, loaded only when it is called.

`inferstack --help` must stay under 0.3 s, so the table below holds names and one-line helps as text and
nothing heavier than click is imported before a command runs.
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from typing import Any, NamedTuple

import click

from inferstack import __version__
from inferstack.cli.output import fail
from inferstack.errors import InferstackError


class Entry(NamedTuple):
    """Where a command lives (``module:function``) and its line in the help."""

    target: str
    help: str


COMMANDS: dict[str, Entry] = {
    "init": Entry("inferstack.cli.init:init", "Write a first workload or environment file."),
    "validate": Entry("inferstack.cli.validate:validate", "Check spec files; every error at once."),
    "schema": Entry("inferstack.cli.schema:schema", "Print the JSON Schema that editors use."),
    "plan": Entry("inferstack.cli.plan:plan", "Choose GPUs for a workload: which, why, what it costs."),
    "fit": Entry("inferstack.cli.fit:fit", "Does a model fit on a GPU, and how much KV cache is left?"),
    "predict": Entry("inferstack.cli.predict:predict", "Throughput, TTFT and TPOT of a deployment."),
    "catalog": Entry(
        "inferstack.cli.catalog:catalog", "List and show models, licences, GPUs, instances, prices."
    ),
    "synth": Entry(
        "inferstack.cli.synth:synth", "Write plan, preview, bill, verdict, manifests to a folder."
    ),
    "render": Entry("inferstack.cli.render:render", "A workload on a laptop: compose, Ollama or kind."),
    "preview": Entry("inferstack.cli.preview:preview", "What would change, by component; offline."),
    "cost": Entry("inferstack.cli.cost:cost", "The monthly bill of an environment, line by line."),
    "policy": Entry("inferstack.cli.policy:policy", "Check licences, residency and the other rules."),
    "doctor": Entry("inferstack.cli.doctor:doctor", "Can the AWS account take an environment? Read-only."),
    "up": Entry("inferstack.cli.up:up", "Create or change an environment in AWS."),
    "rollout": Entry("inferstack.cli.rollout:rollout", "Judge a new version; move its share of the traffic."),
    "destroy": Entry("inferstack.cli.destroy:destroy", "Remove an environment from AWS."),
    "refresh": Entry("inferstack.cli.refresh:refresh", "Read what AWS has into the state."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # the reader left (`| head`): nobody to tell, and no verdict either
            _drop_output()
            raise click.exceptions.Exit(3) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="inferstack")
def cli() -> None:
    """Size, price, check and provision LLM serving on AWS from one short YAML file per model.

    Exit codes: 0 ok, 1 blocked by a finding, 2 bad input, 3 the outside world failed.

    \b
    Example:
      inferstack plan stacks/prod-eu/workloads/chat.yaml
    """


def main() -> None:
    """Entry point: designed errors become one message and an exit code, never a traceback."""
    try:
        # click returns the code of an Exit here instead of raising it
        code = cli.main(standalone_mode=False, prog_name="inferstack")
        sys.exit(code if isinstance(code, int) else 0)
    except click.Abort:
        fail("interrupted", exit_code=3)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except InferstackError as error:
        fail(str(error), exit_code=error.exit_code)
    except OSError as error:
        _drop_output()
        where = f"{error.filename}: " if error.filename else ""
        fail(f"{where}{error.strerror or error}", exit_code=3)


def _drop_output() -> None:
    """What is still buffered goes nowhere; else the interpreter fails on it again when it leaves."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
