"""A run of requests through one continuously batching engine, step by step, in milliseconds.

What vLLM's scheduler does, with time from the step model: prompts are taken first come first served in chunks
that share steps with decoding, a request is admitted while its prompt fits the KV cache, the youngest one is
preempted and recomputed when decoding outgrows it. Stretches of pure decoding between two events advance at
once, so a run costs microseconds per request, and the same input gives the same output.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferstack.sizing.batch_limits import Limits
    from inferstack.sizing.steptime import StepModel

# vLLM keeps a little of the KV cache back when it admits, or it would preempt at once.
_ADMIT_BELOW = 0.97
# Runs longer than this finish requests in groups of steps; the error is under half a group.
_EXACT_REQUESTS = 400
_GROUPS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """What arrives: prompt and output tokens by request; ``arrivals_ms`` None means a closed loop."""

    prompts: Sequence[int]
    outputs: Sequence[int]
    arrivals_ms: Sequence[float] | None = None
    concurrency: int | None = None
    """Most requests the client has under way."""
    away_ms: float = 0.0
    """In a closed loop: from an answer's end to the arrival of the client's next request."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Arrival, first token and last token of each request, and the end of the run, in ms."""

    arrival: list[float]
    first: list[float]
    finish: list[float]
    end: float


def run(model: StepModel, requests: Requests, limits: Limits) -> Trace:
    """Play all requests to the end."""
    return _Run(model, requests, limits).play()


class _Run:
    """State of a run. ``context`` counts tokens of decoding sequences, ``filling`` those of unfinished
    prompts."""

    def __init__(self, model: StepModel, requests: Requests, limits: Limits) -> None:
        count = len(requests.prompts)
        self.step_ms, self.limits, self.count = model.step_ms, limits, count
        self.prompts, self.outputs = requests.prompts, requests.outputs
        self.arrivals = requests.arrivals_ms
        self.cap = requests.concurrency or count
        self.arrival, self.first, self.finish = [0.0] * count, [0.0] * count, [0.0] * count
        self.now, self.step, self.sent, self.done, self.under_way = 0.0, 0, 0, 0, 0
        self.away = requests.away_ms
        self.returns: deque[float] = deque([0.0] * self.cap if self.arrivals is None else ())
        self.waiting: deque[int] = deque()
        self.partial: tuple[int, float] | None = None
        self.ending: list[tuple[int, int]] = []
        self.admitted: list[int] = []
        self.decoding, self.context, self.filling = 0, 0.0, 0.0
        self.to_prefill = [float(tokens) for tokens in requests.prompts]
        self.pace, self.positions = limits.tokens_per_step, limits.positions
        # From here on, what is left of a request is counted in steps.
        self.left = [1 + math.ceil((n - 1) / self.pace) for n in requests.outputs]
        self.began = [0] * count
        self.due = [-1] * count
        self.promised = 0.0
        self.alive = bytearray(count)
        mean = sum(self.left) / max(count, 1)
        self.group = max(1, int(mean / _GROUPS)) if count > _EXACT_REQUESTS else 1

    def play(self) -> Trace:
        while self.done < self.count:
            self._arrive()
            tokens, pairs, ready = self._compose()
            if tokens:
                self._mixed_step(tokens, pairs, ready)
            elif self.decoding == 0:
                self._idle()
            elif self.decoding > 1 and self._room() < self.decoding * self.pace:
                self._preempt()
                continue
            else:
                self._decode()
            self._retire()
        return Trace(self.arrival, self.first, self.finish, self.now)

    def _room(self) -> float:
        return self.limits.kv_tokens - self.context - self.filling

    def _arrive(self) -> None:
        """Requests that have come by now, as far as the client's concurrency lets them."""
        while self.sent < self.count and self.under_way < self.cap:
            due = self._next_arrival()
            if due > self.now:
                return
            if self.arrivals is None:
                self.returns.popleft()
            self.arrival[self.sent] = due
            self.waiting.append(self.sent)
            self.sent += 1
            self.under_way += 1

    def _next_arrival(self) -> float:
        return self.returns[0] if self.arrivals is None else self.arrivals[self.sent]

    def _compose(self) -> tuple[float, float, list[int]]:
        """Prompt tokens of the next step, token-context pairs they attend to, prompts they complete."""
        budget = float(self.limits.batched_tokens - self.decoding * self.positions)
        tokens = pairs = 0.0
        ready: list[int] = []
        while budget >= 1:
            if self.partial is None and not self._admit(len(ready)):
                break
            assert self.partial is not None
            request, held = self.partial
            take = min(budget, self.to_prefill[request] - held)
            pairs += take * (held + take / 2)
            tokens += take
            budget -= take
            self.filling += take
            if held + take >= self.to_prefill[request]:
                ready.append(request)
                self.partial = None
            else:
                self.partial = (request, held + take)
        return tokens, pairs, ready

    def _admit(self, ready: int) -> bool:
        """Begin the prompt at the head of the queue if there is a slot and room for it."""
        if not self.waiting or self.decoding + ready >= self.limits.sequences:
            return False
        held = self.context + self.filling
        request = self.waiting[0]
        if self.limits.whole_requests:
            held, needed = self.promised, float(self.prompts[request] + self.outputs[request])
        else:
            needed = self.to_prefill[request]
        if held and held + needed > self.limits.kv_tokens * _ADMIT_BELOW:
            return False
        self.waiting.popleft()
        self.promised += 0.0 if self.first[request] else self.prompts[request] + self.outputs[request]
        self.partial = (request, 0.0)
        return True

    def _mixed_step(self, tokens: float, pairs: float, ready: list[int]) -> None:
        self.now += self.step_ms(self.decoding, self.context, tokens, pairs / tokens)
        self.step += 1
        self.context += self.decoding * self.pace
        for request in ready:
            self.filling -= self.to_prefill[request]
            self.context += self.to_prefill[request]
            self.first[request] = self.first[request] or self.now
            self.began[request] = self.step
            self.alive[request] = 1
            self.admitted.append(request)
            last = self.step + max(self.left[request] - 1, 0)
            if self.group > 1:
                last = max((last + self.group // 2) // self.group * self.group, self.step)
            self.due[request] = last
            heapq.heappush(self.ending, (last, request))
        self.decoding += len(ready)

    def _decode(self) -> None:
        """Pure decoding up to the next end, arrival or full cache."""
        while self.ending[0][0] != self.due[self.ending[0][1]]:
            heapq.heappop(self.ending)  # preempted since
        steps = self.ending[0][0] - self.step
        if self.decoding > 1:
            steps = int(min(float(steps), self._room() / (self.decoding * self.pace)))
        steps = max(steps, 1)
        took = self.step_ms(self.decoding, self.context + self.decoding * self.pace * (steps - 1) / 2)
        if self.sent < self.count and self.under_way < self.cap:
            steps = min(steps, max(1, math.ceil((self._next_arrival() - self.now) / took)))
        self.now += took * steps
        self.step += steps
        self.context += self.decoding * self.pace * steps

    def _idle(self) -> None:
        self.now = max(self.now, self._next_arrival())

    def _preempt(self) -> None:
        """The youngest sequence gives its cache back and waits at the head, to be computed again."""
        request = self.admitted.pop()
        while not self.alive[request]:
            request = self.admitted.pop()
        generated = self.step - self.began[request]
        self.alive[request] = 0
        self.decoding -= 1
        self.to_prefill[request] += generated * self.pace
        self.context -= self.to_prefill[request]
        self.left[request] = max(self.left[request] - generated, 1)
        self.due[request] = -1
        self.waiting.appendleft(request)

    def _retire(self) -> None:
        while self.ending and self.ending[0][0] <= self.step:
            last, request = heapq.heappop(self.ending)
            if last != self.due[request]:
                continue  # preempted since
            self.due[request] = -1
            self.finish[request] = self.now
            self.promised -= self.prompts[request] + self.outputs[request]
            self.alive[request] = 0
            self.decoding -= 1
            self.context -= self.to_prefill[request] + (self.step - self.began[request]) * self.pace
            self.under_way -= 1
            self.done += 1
            if self.arrivals is None:
                self.returns.append(self.now + self.away)
