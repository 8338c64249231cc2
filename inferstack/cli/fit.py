"""`inferstack fit`: does a model fit on a GPU, and how much KV cache is left?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from inferstack.cli.output import emit_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferstack.cli.deployment import Requested
    from inferstack.sizing.types import Fit


@click.command()
@click.option("--model", metavar="ID", help="Catalog id, or any name of a known model or its derivatives.")
@click.option("--hf-config", metavar="FILE", help="A model's config.json, for models outside the catalog.")
@click.option("--gpu", metavar="NAME", help="GPU, whatever case and punctuation: H100, 'A100 80GB', l40s.")
@click.option("--tp", type=click.IntRange(min=1), default=1, show_default=True, help="Tensor parallelism.")
@click.option("--pp", type=click.IntRange(min=1), default=1, show_default=True, help="Pipeline parallelism.")
@click.option(
    "--dp", type=click.IntRange(min=1), default=1, help="Data-parallel ranks that share the experts."
)
@click.option(
    "--quantization", metavar="Q", help="bf16, fp8, int8, awq, gptq, nvfp4, mxfp4, gguf-q4_k_m, ..."
)
@click.option("--kv-cache-dtype", metavar="D", help="auto, fp8, fp8_e4m3, fp8_e5m2, ...")
@click.option("--gpu-memory-utilization", type=float, metavar="F", help="Share of the GPU vLLM may use.")
@click.option(
    "--max-model-len", type=click.IntRange(min=1), metavar="N", help="Default: the model's longest."
)
@click.option("--max-num-seqs", type=click.IntRange(min=1), metavar="N", help="Default: vLLM's for the GPU.")
@click.option("--max-num-batched-tokens", type=click.IntRange(min=1), metavar="N", help="Likewise.")
@click.option("--enforce-eager", is_flag=True, help="No CUDA graphs.")
@click.option("--expert-parallel", "--enable-expert-parallel", is_flag=True, help="Whole experts per GPU.")
@click.option("--vllm-version", metavar="V", help="Default: the version that inferstack deploys.")
@click.option(
    "--batch", metavar="FILE", help="JSON lines of these options, underscores for dashes; - is stdin."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def fit(batch: str | None, as_json: bool, **options: Any) -> None:
    """Does a model fit on a GPU, and how many tokens of KV cache are left?

    Says where every GiB goes, on the fullest GPU of the engine. A model that does not fit is an answer too:
    the exit code is 0 for any answer, 2 for bad input.

    \b
    Examples:
      inferstack fit --model Qwen/Qwen3-32B --gpu H100 --tp 2
      inferstack fit --model meta-llama/Llama-3.3-70B-Instruct --gpu L40S --tp 4 --quantization fp8 --json
      inferstack fit --hf-config ./config.json --gpu A10G --max-model-len 16384
    """
    if batch is not None:
        from inferstack.cli.batch import run_batch

        run_batch(batch, answer)
        return
    found, result = _fit({key: value for key, value in options.items() if value not in (None, False)})
    if as_json:
        emit_json(as_object(found, result))
    else:
        click.echo(as_text(found, result))


def answer(options: Mapping[str, Any]) -> dict[str, object]:
    """The JSON object of one line of a batch."""
    return as_object(*_fit(options))


def _fit(options: Mapping[str, Any]) -> tuple[Requested, Fit]:
    from inferstack.cli.deployment import requested
    from inferstack.sizing.memory import fit as fit_memory

    found = requested(options)
    return found, fit_memory(found.deployment)


def as_object(found: Requested, result: Fit) -> dict[str, object]:
    """Version 1 of `fit --json`: GiB to four decimals, tokens whole."""
    from inferstack.sizing.weight_formats import canonical_name

    d = found.deployment
    return {
        "version": 1,
        "model": d.model_id,
        "architecture_of": found.architecture_of,
        "note": found.note,
        "gpu": d.gpu.id,
        "tp": d.tp,
        "pp": d.pp,
        **({"dp": d.data_parallel} if d.data_parallel > 1 else {}),
        "quantization": canonical_name(d.quantization, d.architecture).removesuffix("+native"),
        "vllm_version": d.vllm_version,
        "fits": result.fits,
        "reason": result.reason,
        "weights_gib_per_gpu": round(result.weights_gib_per_gpu, 4),
        "activation_gib_per_gpu": round(result.activation_gib_per_gpu, 4),
        "non_torch_gib_per_gpu": round(result.non_torch_gib_per_gpu, 4),
        "cuda_graphs_gib_per_gpu": round(result.cuda_graphs_gib_per_gpu, 4),
        "kv_cache_gib_per_gpu": round(result.kv_cache_gib_per_gpu, 4),
        "kv_cache_tokens": result.kv_cache_tokens,
        "max_concurrency": round(result.max_concurrency, 4),
        **({"server_kv_cache_tokens": result.server_kv_cache_tokens} if result.ranks > 1 else {}),
        "max_model_len": result.max_model_len,
        "max_num_seqs": result.max_num_seqs,
        "max_num_batched_tokens": result.max_num_batched_tokens,
        "gpu_memory_gib": result.gpu_memory_gib,
        "gpu_memory_utilization": result.gpu_memory_utilization,
    }


def as_text(found: Requested, result: Fit) -> str:
    """The budget of one GPU, line by line."""
    shown = as_object(found, result)
    d = found.deployment
    budget = result.gpu_memory_gib * result.gpu_memory_utilization
    ranks = f", DP {d.data_parallel}" if d.data_parallel > 1 else ""
    gpus = d.gpu.id if d.gpus == 1 else f"{d.gpus} x {d.gpu.id} (TP {d.tp}, PP {d.pp}{ranks})"
    spent = (
        result.weights_gib_per_gpu
        + result.activation_gib_per_gpu
        + result.non_torch_gib_per_gpu
        + result.kv_cache_gib_per_gpu
    )
    counted = budget - spent > result.cuda_graphs_gib_per_gpu / 2
    graphs = "CUDA graphs" if counted else "CUDA graphs (on top of the budget)"
    rows = [
        (f"budget: {result.gpu_memory_utilization:g} of {result.gpu_memory_gib:g}", budget),
        ("weights", result.weights_gib_per_gpu),
        ("activation peak", result.activation_gib_per_gpu),
        ("outside torch (CUDA, NCCL)", result.non_torch_gib_per_gpu),
        (graphs, result.cuda_graphs_gib_per_gpu),
        ("KV cache", result.kv_cache_gib_per_gpu),
    ]
    lines = [
        f"{d.model_id} ({shown['quantization']}) on {gpus}, vLLM {d.vllm_version}",
        *([found.note] if found.note else []),
        f"{'fits' if result.fits else 'DOES NOT FIT'}: {result.reason.removeprefix('fits; ')}",
        "",
        "GiB per GPU",
        *(f"  {label:<36}{value:>9.2f}" for label, value in rows),
        "",
        f"max_model_len {result.max_model_len:,}, max_num_seqs {result.max_num_seqs:,}, "
        f"max_num_batched_tokens {result.max_num_batched_tokens:,}"
        + (" on each rank" if result.ranks > 1 else ""),
    ]
    return "\n".join(lines)
