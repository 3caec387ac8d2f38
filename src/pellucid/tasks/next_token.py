"""The next token of a text: a probability for every character, at every place, given those before it.

The loss is the surprise of the character that comes, in nats: C. Shannon, "Prediction and entropy of printed English",
1951. A held-out part is judged character by character, each with what a reader would know: a recurrent net reads the
part in pieces side by side, and each piece begins with the memory of the `context` characters before it; a net without
a memory sees windows that overlap by half, and is judged on the later half, so that at least half a context is known.
Only at the very beginning of a part is less known. The first character is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from pellucid.catalogue import Config as Base
from pellucid.data.batch import Batch, tensor_of
from pellucid.data.preprocessing import Preprocessing
from pellucid.data.text import Text
from pellucid.data.vocabulary import code_points
from pellucid.data.world import World
from pellucid.errors import DataError, PellucidError
from pellucid.exhibit import Curves, Exhibit, Signal, Texts
from pellucid.nn.sequence import Recurrent, Sequential, State
from pellucid.spec import Spec
from pellucid.tasks import ngrams
from pellucid.tasks.sampling import proceed
from pellucid.tasks.score import Score
from pellucid.tasks.task import Answer, Loss, Scored

WINDOW = 256
"""Characters of one unit of an interval: neighbours know one another, so single characters would be too sure."""
PIECES = 64
"""Pieces of a part that a recurrent net reads side by side."""
WINDOWS_AT_ONCE = 64
SHOWN_LENGTH = 400
SHOWN_PROMPT = 40


class Config(Base):
    """Nothing to set: how much a model sees at once is the recipe's `prepare.context`."""


class Asking(Base):
    """How a prompt is continued."""

    length: int = Field(300, ge=1, le=100_000)
    """Characters to write."""
    temperature: float = Field(0.8, ge=0)
    """Below 1 it keeps to what is likely, above 1 it dares; 0 always takes the likeliest character."""
    top_k: int | None = Field(None, ge=1)
    """Draw from so many of the likeliest characters only. Left out: from all."""
    top_p: float | None = Field(None, gt=0, le=1)
    """Draw from the likeliest that together hold this probability. Left out: from all."""
    samples: int = Field(1, ge=1, le=100)
    """Continuations of each prompt."""
    seed: int = Field(0, ge=0, lt=2**63)
    """Which continuations."""


class NextToken:
    """Cross-entropy at every place, on logits `[rows, context, vocabulary]`."""

    primary = "nats_per_character"
    asking: type[Base] = Asking

    def __init__(self, config: Config, spec: Spec) -> None:
        if spec.input.kind != "tokens":
            raise DataError(
                f"task.name = 'next_token' continues a text, and the input is of kind {spec.input.kind!r}. "
                "Give a text (data.source = 'my.txt'), or choose classify or regress."
            )
        self.spec = spec
        self.characters = spec.input.categories
        self.unknown = len(self.characters) - 1
        self.signals = (
            Signal(
                "gradient_norm",
                "Length of the gradient",
                "Through many steps a gradient can grow without bound, and one such step undoes a thousand others.",
                high=5.0,
                when_high="It explodes. Set rule.clip = 1.0, or lower the learning rate.",
            ),
            Signal(
                "generalisation_gap",
                "Held out against trained on",
                "Nats per character of the held-out part minus those of as much of the training part. It grows where "
                "the text is learned by heart.",
                high=0.3,
                when_high="It learns its text by heart: more dropout, a smaller net, or an earlier end.",
            ),
        )

    def check(self, model: nn.Module, world: World) -> None:
        """Nothing: the loss finds out."""

    def source(self, model: nn.Module) -> str:
        """Streams for a net that carries its memory from step to step, else windows."""
        return "streams" if isinstance(model, Recurrent) else "windows"

    def loss(self, model: nn.Module, batch: Batch, carry: Any = None) -> Loss:
        """Return the summed surprise in nats, how many characters it is of, and what a recurrent net remembers."""
        tokens, target = batch["input"], batch["target"]
        state = None
        if isinstance(model, Recurrent):
            state = model.initial_state(len(tokens)) if carry is None else _forget(carry, batch["begins"])
        logits, state = model(tokens, state)
        total = F.cross_entropy(logits.flatten(0, 1).float(), target.flatten(), reduction="sum")
        return Loss(total, float(target.numel()), state if isinstance(model, Recurrent) else None)

    def look(self, model: nn.Module, world: World, part: str) -> Scored:
        """Judge every character of a part, and as many of the training part for the gap between the two."""
        text, reader = _text(world), _sequential(model)
        tokens = text.tokens(part)
        held_out, right = surprise(reader, tokens, text.context)
        seen, _ = surprise(reader, text.tokens("train")[: len(tokens)], text.context)
        scores = self._scores(held_out, right)
        both = min(len(held_out), len(seen))  # the training part may be the shorter one
        pairs = np.concatenate([_windows(held_out[:both]), _windows(seen[:both])], axis=1)
        scores["generalisation_gap"] = Score(pairs, "difference_of_ratios", "min")
        told = {
            "characters": len(held_out),
            "vocabulary": len(self.characters),
            "unknown_characters": int((tokens == self.unknown).sum()),
        }
        return Scored(part, "window", scores, (-scores["nats_per_character"].value,), told)

    def _scores(self, nats: NDArray[np.float64], right: NDArray[np.float64] | None = None) -> dict[str, Score]:
        moments = _windows(nats)
        scores = {
            "nats_per_character": Score(moments, "ratio", "min"),
            "bits_per_character": Score(moments, "bits", "min"),
            "perplexity": Score(moments, "perplexity", "min"),
        }
        if right is not None:
            scores["accuracy"] = Score(_windows(right), "ratio", "max")
        return scores

    def baselines(self, world: World, part: str) -> dict[str, tuple[Mapping[str, Score], int]]:
        """Return what counting says: how often characters are, and what follows what."""
        text = _text(world)
        train, judged = (text.tokens(name).cpu().numpy() for name in ("train", part))
        return {
            name: (self._scores(count(train, judged, len(self.characters))), len(train))
            for name, count in (("unigram", ngrams.unigram), ("bigram", ngrams.bigram))
        }

    def exhibits(self, model: nn.Module, world: World) -> list[Exhibit]:
        """Return continuations of a held-out line, and what a longer context is worth."""
        text, reader = _text(world), _sequential(model)
        part = "validation" if text.size("validation") else "train"
        tokens = text.tokens(part)
        prompt = tokens[:SHOWN_PROMPT]
        written = []
        for temperature in (0.5, 1.0):
            generator = torch.Generator().manual_seed(0)
            drawn = proceed(reader, prompt[None], SHOWN_LENGTH, generator, never=self.unknown, temperature=temperature)
            written.append((f"temperature {temperature}", self._decode(prompt) + "|" + self._decode(drawn[0])))
        caption = (
            "The part before the line | was given: the beginning of the held-out text. The seed is fixed, not chosen."
        )
        shown: list[Exhibit] = [Texts("continuations", "What it writes", caption, tuple(written))]
        by_place = _by_place(reader, tokens, text.context)
        if by_place is not None:
            shown.append(
                Curves(
                    "context",
                    "What context is worth",
                    "Surprise at each place of a window, where nothing before the window is known. The fall is what it "
                    "gains by looking back; where the curve is flat, a longer context brings nothing.",
                    "characters known",
                    "nats per character",
                    list(range(1, len(by_place) + 1)),
                    {"held out": by_place.tolist()},
                )
            )
        return shown

    def examples(self, world: World, num: int) -> NDArray[Any]:
        """Return windows of code points of the validation part, or of the training part where it is too short."""
        text = _text(world)
        part = "validation" if text.size("validation") >= text.context else "train"
        points = text.raw(part)
        windows = points[: len(points) // text.context * text.context].reshape(-1, text.context)
        return np.ascontiguousarray(windows[:: max(1, len(windows) // num)][:num])

    def respond(self, model: nn.Module, preprocessing: Preprocessing, raw: Tensor) -> dict[str, Tensor]:
        """Return the log-probability of each character after windows of code points, `[rows, vocabulary]`."""
        logits, _ = _sequential(model)(preprocessing.apply("input", raw))
        return {"log_probability": logits[:, -1].float().log_softmax(dim=-1)}

    def answer(
        self, model: nn.Module, preprocessing: Preprocessing, examples: NDArray[Any], inputs: Any, settings: Base
    ) -> list[Answer]:
        """Continue prompts; without one, begin at a new line."""
        assert isinstance(settings, Asking)
        if inputs is None:
            inputs = ["\n" if "\n" in self.characters else self.characters[0]]
        if not all(isinstance(prompt, str) for prompt in inputs):
            raise PellucidError("A language model continues text: give prompts as a list of strings.")
        return [answer for prompt in inputs for answer in self._continue(model, preprocessing, prompt, settings)]

    def _continue(self, model: nn.Module, preprocessing: Preprocessing, prompt: str, settings: Asking) -> list[Answer]:
        unknown = sorted(set(prompt) - set(self.characters[:-1]))
        if unknown or not prompt:
            told = (
                f"the training text has no {', '.join(map(repr, unknown))}. Leave such characters out."
                if unknown
                else "it is empty. Give one character at least."
            )
            return [Answer({"input": prompt, "error": told})]
        device = next(model.parameters()).device
        codes = preprocessing.apply("input", tensor_of(code_points(prompt)).to(device))
        drawn = proceed(
            _sequential(model),
            codes.expand(settings.samples, -1),
            settings.length,
            torch.Generator().manual_seed(settings.seed),
            never=self.unknown,
            temperature=settings.temperature,
            top_k=settings.top_k,
            top_p=settings.top_p,
        )
        return [Answer({"input": prompt, "prediction": self._decode(row)}) for row in drawn]

    def _decode(self, codes: Tensor) -> str:
        return "".join(self.characters[code] for code in codes.tolist())


def surprise(model: Sequential, tokens: Tensor, context: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return, for every token of a part but the first, its surprise in nats and whether it was the likeliest."""
    judge = _piece_by_piece if isinstance(model, Recurrent) else _window_by_window
    nats, right = judge(model, tokens, context)
    return nats.double().cpu().numpy(), right.double().cpu().numpy()


def _piece_by_piece(model: Any, tokens: Tensor, context: int) -> tuple[Tensor, Tensor]:
    """Read pieces of a part side by side, each with the memory of what stands before it."""
    num_judged = len(tokens) - 1
    length = -(-num_judged // PIECES)
    starts = torch.arange(0, num_judged, length, device=tokens.device)  # of the pieces
    places = torch.arange(-context, length, device=tokens.device)
    # What would lie outside of the part is filled with anything, and not looked at.
    pieces = tokens[(starts[:, None] + places).clamp(0, num_judged)]  # (pieces, context + length)
    _, state = model(pieces[:, :context], model.initial_state(len(starts)))
    # Before the first pieces there are fewer characters than a context, or none: what was read there does not count.
    for piece in range(len(starts)):
        before = int(starts[piece])
        if before < context:
            _, known = (
                model(tokens[None, :before], model.initial_state(1)) if before else (None, model.initial_state(1))
            )
            state = tuple(_put(of_all, of_one, piece) for of_all, of_one in zip(state, known, strict=True))
    nats, right = [], []
    for first in range(context, context + length, context):
        some = pieces[:, first : first + context]
        logits, state = model(some, state)
        following = tokens[(starts[:, None] + places[first : first + context] + 1).clamp(0, num_judged)]
        judged = _judge(logits, following)
        nats.append(judged[0])
        right.append(judged[1])
    return torch.cat(nats, dim=1).flatten()[:num_judged], torch.cat(right, dim=1).flatten()[:num_judged]


def _window_by_window(model: Any, tokens: Tensor, context: int) -> tuple[Tensor, Tensor]:
    """Judge the later half of overlapping windows, and the whole of the first."""
    num_judged = len(tokens) - 1
    stride = max(1, context // 2)
    starts = torch.arange(0, max(1, num_judged - (context - stride)), stride, device=tokens.device)
    places = torch.arange(context, device=tokens.device)
    nats, right = torch.zeros(num_judged, device=tokens.device), torch.zeros(num_judged, device=tokens.device)
    for some in torch.split(starts.flip(0), WINDOWS_AT_ONCE):  # the first window comes last, and fills the beginning
        where = some[:, None] + places  # (windows, T)
        logits, _ = model(tokens[where.clamp(max=num_judged)])
        judged = _judge(logits, tokens[(where + 1).clamp(max=num_judged)])
        new = (where < num_judged) & ((places >= context - stride) | (some[:, None] == 0))
        nats[where[new]], right[where[new]] = judged[0][new], judged[1][new]
    return nats, right


def _judge(logits: Tensor, following: Tensor) -> tuple[Tensor, Tensor]:
    """The surprise at each place, and whether the likeliest token came, both `[rows, steps]`."""
    log_probabilities = logits.float().log_softmax(dim=-1)
    nats = -log_probabilities.gather(-1, following[..., None])[..., 0]
    return nats, (log_probabilities.argmax(dim=-1) == following).float()


def _by_place(model: Sequential, tokens: Tensor, context: int) -> NDArray[np.float64] | None:
    """Mean surprise at each place of windows that begin with nothing known; None where the part has none."""
    windows = tokens[: (len(tokens) - 1) // context * context].view(-1, context)
    if len(windows) == 0:
        return None
    following = tokens[1 : windows.numel() + 1].view(-1, context)
    total = torch.zeros(context, device=tokens.device)
    for some, then in zip(torch.split(windows, WINDOWS_AT_ONCE), torch.split(following, WINDOWS_AT_ONCE), strict=True):
        total += _judge(model(some)[0], then)[0].sum(dim=0)
    mean: NDArray[np.float64] = (total / len(windows)).double().cpu().numpy()
    return mean


def _windows(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum and the number of values in each window of the text, `[windows, 2]`."""
    starts = np.arange(0, len(values), WINDOW)
    return np.stack([np.add.reduceat(values, starts), np.diff(np.append(starts, len(values)))], axis=1)


def _forget(state: State, begins: Tensor) -> State:
    """Set the memory of streams that begin anew to that of nothing, which is zero."""
    keeps = (~begins).to(torch.float32)[:, None]  # (rows, 1)
    return tuple(memory * keeps.to(memory.dtype) for memory in state)


def _put(of_all: Tensor, of_one: Tensor, place: int) -> Tensor:
    """The memory of all rows, `[layers, rows, hidden]`, with another in the place of one."""
    changed = of_all.clone()
    changed[:, place] = of_one[:, 0].to(changed.dtype)
    return changed


def _text(world: World) -> Text:
    if not isinstance(world, Text):
        raise PellucidError("This task is asked about a text, and this world has none. Choose another task.")
    return world


def _sequential(model: nn.Module) -> Sequential:
    if not isinstance(model, Sequential):
        raise PellucidError(
            f"task.name = 'next_token' needs a model that reads sequences, and {type(model).__name__} does not. "
            "Choose model.name = 'lstm' or 'gpt'."
        )
    return model
