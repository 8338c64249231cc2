"""`inferstack predict`: throughput, time to first token and time per token of a deployment under a load."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import click

from inferstack.cli.output import emit_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferstack.cli.load import Asked
    from inferstack.sizing.types import Deployment, Percentiles, Prediction


@click.command()
@click.option("--model", metavar="ID", help="Catalog id, or any name of a known model or its derivatives.")
@click.option("--hf-config", metavar="FILE", help="A model's config.json, for models outside the catalog.")
@click.option("--gpu", metavar="NAME", help="GPU, whatever case and punctuation: H100, 'A100 80GB', l40s.")
@click.option("--tp", type=click.IntRange(min=1), default=1, show_default=True, help="Tensor parallelism.")
@click.option("--pp", type=click.IntRange(min=1), default=1, show_default=True, help="Pipeline parallelism.")
@click.option(
    "--dp", type=click.IntRange(min=1), metavar="N", help="Data-parallel ranks; with --ep they share experts."
)
@click.option("--ep", type=click.IntRange(min=1), metavar="N", help="GPUs that share the experts.")
@click.option("--replicas", type=click.IntRange(min=1), metavar="N", help="Engines that share the load.")
@click.option("--quantization", metavar="Q", help="bf16, fp8, int8, awq, gptq, nvfp4, mxfp4, ...")
@click.option("--input-tokens", type=float, metavar="N", help="Mean prompt tokens.")
@click.option("--output-tokens", type=float, metavar="N", help="Mean output tokens; 0 for embeddings.")
@click.option("--concurrency", type=click.IntRange(min=1), metavar="N", help="Requests always under way.")
@click.option("--request-rate", metavar="R", help="Requests per second, Poisson; inf saturates.")
@click.option("--num-prompts", metavar="N", help="Requests of the run; steady = for ever.")
@click.option("--shared-prefix", type=float, metavar="F", help="Share of the prompt already in the cache.")
@click.option("--input-tokens-p95", type=float, metavar="N", help="95th percentile of the prompt.")
@click.option("--output-tokens-p95", type=float, metavar="N", help="95th percentile of the output.")
@click.option("--kv-cache-dtype", metavar="D", help="auto, fp8, fp8_e4m3, fp8_e5m2, ...")
@click.option("--gpu-memory-utilization", type=float, metavar="F", help="Share of the GPU vLLM may use.")
@click.option("--max-model-len", type=click.IntRange(min=1), metavar="N", help="Longest request served.")
@click.option("--max-num-seqs", type=click.IntRange(min=1), metavar="N", help="Default: vLLM's for the GPU.")
@click.option("--max-num-batched-tokens", type=click.IntRange(min=1), metavar="N", help="Likewise.")
@click.option("--enforce-eager", is_flag=True, help="No CUDA graphs.")
@click.option("--expert-parallel", "--enable-expert-parallel", is_flag=True, help="Whole experts per GPU.")
@click.option("--speculative-tokens", type=int, metavar="N", help="Tokens guessed at a time; needs --draft.")
@click.option("--draft", metavar="D", help="What guesses: ngram, mtp, eagle3, or a small model.")
@click.option("--acceptance-rate", type=float, metavar="F", help="Share of guesses accepted one by one.")
@click.option("--lora-adapters", type=int, metavar="N", help="LoRA adapters in use at the same time.")
@click.option("--lora-rank", type=int, metavar="R", help="Their rank; default 16.")
@click.option("--vllm-version", metavar="V", help="Default: the version that inferstack deploys.")
@click.option(
    "--batch", metavar="FILE", help="JSON lines of these options, underscores for dashes; - is stdin."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def predict(batch: str | None, as_json: bool, **options: Any) -> None:
    """How fast is a deployment under a load, and how sure is that?

    A closed loop (--concurrency) is answered as a benchmark of 10 requests per place reports it, saturation
    (--request-rate inf) as one of 1,000 requests; --num-prompts changes the length, and "steady" asks for the
    state without beginning and end. Any other rate is answered in its steady state. Whole-number lengths are
    taken as a synthetic benchmark's, fractional means as a sample of conversations. Data-parallel ranks that
    share experts (--dp with --ep) are answered in their steady state.

    \b
    Examples:
      inferstack predict --model Qwen/Qwen3-32B --gpu H100 --tp 2 --input-tokens 1024 --output-tokens 256 \\
        --concurrency 64
      inferstack predict --model meta-llama/Llama-3.3-70B-Instruct --gpu L40S --tp 4 --quantization fp8 \\
        --input-tokens 800 --output-tokens 200 --request-rate 2.5 --replicas 3 --json
    """
    if batch is not None:
        from inferstack.cli.batch import run_batch

        run_batch(batch, answer)
        return
    asked, result = _predict(
        {key: value for key, value in options.items() if value is not None and value is not False}
    )
    if as_json:
        emit_json(as_object(asked, result))
    else:
        click.echo(as_text(asked, result))


def answer(options: Mapping[str, Any]) -> dict[str, object]:
    """The JSON object of one line of a batch."""
    return as_object(*_predict(options))


def _predict(options: Mapping[str, Any]) -> tuple[Asked, Prediction]:
    from inferstack.cli.load import asked
    from inferstack.sizing.performance import predict as predict_performance

    found = asked(options)
    return found, predict_performance(found.requested.deployment, found.load, found.replicas)


def as_object(asked: Asked, result: Prediction) -> dict[str, object]:
    """Version 1 of `predict --json`: times in ms, rates per second, all to four significant digits."""
    from inferstack.sizing.weight_formats import canonical_name

    d = asked.requested.deployment
    return {
        "version": 1,
        "model": d.model_id,
        "architecture_of": asked.requested.architecture_of,
        "note": asked.requested.note,
        "gpu": d.gpu.id,
        "tp": d.tp,
        "pp": d.pp,
        **({"dp": d.data_parallel} if d.data_parallel > 1 else {}),
        "replicas": asked.replicas,
        "quantization": canonical_name(d.quantization, d.architecture).removesuffix("+native"),
        "vllm_version": d.vllm_version,
        "num_prompts": asked.load.num_prompts,
        **_extras(d),
        "output_tokens_per_second": _digits(result.output_tokens_per_second),
        "total_tokens_per_second": _digits(result.total_tokens_per_second),
        "requests_per_second": _digits(result.requests_per_second),
        "ttft_ms": _percentiles(result.ttft_ms),
        "tpot_ms": _percentiles(result.tpot_ms),
        "e2e_ms": _percentiles(result.e2e_ms),
        "concurrency": _digits(result.concurrency),
        "utilization": _digits(result.utilization),
        "saturated": result.saturated,
        "basis": result.basis,
        "range": {
            name: {"low": _digits(interval.low), "high": _digits(interval.high)}
            for name, interval in result.range.items()
        },
    }


def _extras(d: Deployment) -> dict[str, object]:
    """Only where asked for."""
    from inferstack.sizing.speculation import tokens_per_step

    found: dict[str, object] = {}
    if d.speculation is not None:
        found["speculation"] = {
            "method": d.speculation.method,
            "tokens": d.speculation.tokens,
            "acceptance_rate": d.speculation.acceptance_rate,
            "tokens_per_step": _digits(tokens_per_step(d.speculation)),
        }
    if d.adapters is not None:
        found["adapters"] = {"count": d.adapters.count, "rank": d.adapters.rank}
    return found


def _extras_in_words(d: Deployment) -> list[str]:
    from inferstack.sizing.speculation import tokens_per_step

    found = []
    if d.speculation is not None:
        found.append(
            f"speculative decoding ({d.speculation.method}): {d.speculation.tokens} tokens guessed, "
            f"{d.speculation.acceptance_rate:.0%} of them accepted one by one, "
            f"{tokens_per_step(d.speculation):.2f} tokens a step"
        )
    if d.adapters is not None:
        found.append(f"LoRA: {d.adapters.count:,} in use, rank {d.adapters.rank}")
    return found


def _percentiles(values: Percentiles) -> dict[str, float]:
    return {name: _digits(getattr(values, name)) for name in ("mean", "p50", "p95", "p99")}


def _digits(value: float, digits: int = 5) -> float:
    return float(f"{value:.{digits}g}") if math.isfinite(value) else value


_BASIS_WORDS: Final = {
    "measured": "this network was measured on this GPU",
    "interpolated": "this GPU and kernel were measured, with other networks",
    "extrapolated": "no measurement of this GPU, kernel or setting: take the range seriously",
}


def as_text(asked: Asked, result: Prediction) -> str:
    """The answer with its range, then the percentiles."""
    shown = as_object(asked, result)
    d = asked.requested.deployment
    ranks = f", DP {d.data_parallel}" if d.data_parallel > 1 else ""
    gpus = d.gpu.id if d.gpus == 1 else f"{d.gpus} x {d.gpu.id} (TP {d.tp}, PP {d.pp}{ranks})"
    times = f" x {asked.replicas} replicas" if asked.replicas > 1 else ""
    rate = result.range["output_tokens_per_second"]
    lines = [
        f"{d.model_id} ({shown['quantization']}) on {gpus}{times}, vLLM {d.vllm_version}",
        *([asked.requested.note] if asked.requested.note else []),
        asked.in_words,
        *_extras_in_words(d),
        "",
        f"  requests/s       {result.requests_per_second:>11,.2f}"
        f"   {result.concurrency:,.1f} running an engine",
    ]
    if asked.load.output_tokens:
        estimate = f"{result.output_tokens_per_second:>11,.0f}"
        lines.append(f"  output tokens/s  {estimate}   80 %: {rate.low:,.0f} to {rate.high:,.0f}")
    lines += ["", *_latencies(asked, result), ""]
    if result.saturated and result.utilization > 1:
        lines.append(f"overloaded: {result.utilization:.1f} times what it can serve; the queue only grows")
    lines.append(f"basis: {result.basis} ({_BASIS_WORDS[result.basis]})")
    return "\n".join(lines)


def _latencies(asked: Asked, result: Prediction) -> list[str]:
    from inferstack.units import duration

    rows = [("time to first token", result.ttft_ms, "ttft_ms")]
    if asked.load.output_tokens > 1:
        rows += [("time per output token", result.tpot_ms, "tpot_ms"), ("whole request", result.e2e_ms, "")]
    lines = [f"  {'':<22}{'mean':>10}{'p50':>10}{'p95':>10}{'p99':>10}   80 % of the mean"]
    for label, values, name in rows:
        line = f"  {label:<22}" + "".join(f"{duration(value / 1e3):>10}" for value in _ordered(values))
        if name:
            interval = result.range[name]
            line += f"   {duration(interval.low / 1e3)} to {duration(interval.high / 1e3)}"
        lines.append(line)
    return lines


def _ordered(values: Percentiles) -> tuple[float, float, float, float]:
    return values.mean, values.p50, values.p95, values.p99
