"""Docker Compose: vLLM on the CPU, or on the machine's own GPUs."""

from __future__ import annotations

from typing import Any, Final

from inferstack.local.text import head, yaml_text
from inferstack.local.types import PORT, LocalFile, LocalModel

CACHE: Final = "/root/.cache/huggingface"
CPU_CACHE_GIB: Final = 4
ASKED_TOKEN: Final = "${HF_TOKEN:?a Hugging Face token with access to the model}"  # noqa: S105 - asks for one
HEALTH: Final = f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:{PORT}/health', timeout=4)"


def compose_files(model: LocalModel) -> tuple[LocalFile, ...]:
    document = {
        "name": f"inferstack-{model.workload}",
        "services": {"vllm": _service(model)},
        "volumes": {"huggingface": {}},
    }
    commands = (
        *(("HF_TOKEN must be set: the Hub asks for it",) if model.gated else ()),
        "docker compose up --wait",
        f"curl http://127.0.0.1:{PORT}/v1/models",
    )
    text = yaml_text([document], head(model, *commands))
    return (LocalFile(name="compose.yaml", text=text),)


def _service(model: LocalModel) -> dict[str, Any]:
    service: dict[str, Any] = {
        "image": model.image,
        # a dollar sign would be a variable of the machine's
        "command": [argument.replace("$", "$$") for argument in model.arguments],
        # reachable from this machine only: nobody is asked for a key
        "ports": [f"127.0.0.1:{PORT}:{PORT}"],
        "environment": _environment(model),
        "volumes": [f"huggingface:{CACHE}"],
        "shm_size": "4gb",
        "security_opt": ["no-new-privileges:true"],
        "healthcheck": {
            "test": ["CMD", "python3", "-c", HEALTH],
            "interval": "10s",
            "timeout": "5s",
            "retries": 3,
            # the first start downloads the weights
            "start_period": "3600s",
        },
        "restart": "unless-stopped",
    }
    if model.gpus:
        device = {"driver": "nvidia", "count": model.gpus, "capabilities": ["gpu"]}
        service["deploy"] = {"resources": {"reservations": {"devices": [device]}}}
    return service


def _environment(model: LocalModel) -> dict[str, str]:
    values = {"DO_NOT_TRACK": "1", "VLLM_NO_USAGE_STATS": "1"}
    if not model.gpus:
        values["VLLM_CPU_KVCACHE_SPACE"] = str(CPU_CACHE_GIB)
    if model.gated:
        values["HF_TOKEN"] = ASKED_TOKEN
    return values
