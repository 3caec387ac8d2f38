"""Recipes over text. Of a language model the end of the text is held out: half validates, half is sealed."""

from __future__ import annotations

from pellucid.recipe import DataSection, ExecutionSection, PrepareSection, Recipe, Section, SplitSection, TrainSection


def _recipe(
    name: str, source: str, context: int, model: Section, rule: Section, train: TrainSection, held_out: float = 0.1
) -> Recipe:
    return Recipe(
        name=name,
        data=DataSection(source=source),
        split=SplitSection(kind="contiguous", validation=held_out / 2, test=held_out / 2),
        prepare=PrepareSection(context=context),
        model=model,
        task={"name": "next_token"},
        rule={"name": "backpropagation", **rule},
        train=train,
        execution=ExecutionSection(precision="bf16" if source == "tinyshakespeare" else "fp32"),
    )


def shakespeare_lstm() -> Recipe:
    """One layer of 512 units: Shakespeare's manner in five minutes on two cores."""
    return _recipe(
        "shakespeare-lstm",
        "tinyshakespeare",
        context=64,
        model={"name": "lstm", "hidden": 512, "dropout": 0.1},
        rule={
            "optimizer": {"name": "adamw", "learning_rate": 4e-3, "weight_decay": 0.01},
            "schedule": {"name": "one_cycle"},
            "clip": 1.0,
        },
        train=TrainSection(epochs=7, batch_size=64),
    )


def shakespeare_gpt() -> Recipe:
    """Four blocks of width 128, for ten minutes on two cores."""
    return _recipe(
        "shakespeare-gpt",
        "tinyshakespeare",
        context=64,
        model={"name": "gpt", "layers": 4, "heads": 4, "width": 128},
        rule={
            "optimizer": {"name": "adamw", "learning_rate": 3e-3, "weight_decay": 0.1},
            "schedule": {"name": "one_cycle"},
            "clip": 1.0,
        },
        train=TrainSection(epochs=15, batch_size=64),
    )


def descriptions_lstm() -> Recipe:
    """A small LSTM on a text that every installation has; seconds."""
    return _recipe(
        "descriptions-lstm",
        "descriptions",
        context=32,
        model={"name": "lstm", "embedding": 32, "hidden": 96},
        rule={"optimizer": {"name": "adam", "learning_rate": 6e-3}, "schedule": {"name": "cosine"}, "clip": 1.0},
        train=TrainSection(epochs=12, batch_size=16),
        held_out=0.3,
    )


def descriptions_gpt() -> Recipe:
    """A small GPT on a text that every installation has; seconds."""
    return _recipe(
        "descriptions-gpt",
        "descriptions",
        context=32,
        model={"name": "gpt", "layers": 2, "heads": 4, "width": 64},
        rule={"optimizer": {"name": "adamw", "learning_rate": 4e-3}, "schedule": {"name": "one_cycle"}, "clip": 1.0},
        train=TrainSection(epochs=12, batch_size=16),
        held_out=0.3,
    )


def paragraphs() -> Recipe:
    """A small convolutional net tells which data set a paragraph describes; seconds."""
    return Recipe(
        name="paragraphs",
        data=DataSection(source="paragraphs"),
        prepare=PrepareSection(tokenizer="words", vocabulary=2000, longest=96),
        model={"name": "text_convnet", "embedding": 32, "maps": 32},
        task={"name": "classify"},
        rule={
            "name": "backpropagation",
            "optimizer": {"name": "adamw", "learning_rate": 4e-3, "weight_decay": 0.01},
            "schedule": {"name": "one_cycle"},
        },
        train=TrainSection(epochs=20, batch_size=16),
    )
