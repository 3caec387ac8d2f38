"""The adversarial rule: a discriminator learns to tell data from samples, a generator learns to be taken for data.

I. Goodfellow et al., "Generative Adversarial Nets", 2014, arXiv:1406.2661, algorithm 1; the penalty of the Wasserstein
loss is I. Gulrajani et al., 2017, arXiv:1704.00028. A step draws latents, updates the discriminator on the batch and on
as many samples, and, every `discriminator_steps` steps, updates the generator through the new discriminator.

Where we differ: the generator's update goes through the samples that the discriminator has just seen, which saves a
pass; the paper draws new ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from pellucid.catalogue import Config as Base
from pellucid.data.batch import Batch
from pellucid.errors import DataError, PellucidError
from pellucid.execution import Execution
from pellucid.exhibit import Signal
from pellucid.nn.generative import Generative
from pellucid.optim.update import StochasticUpdateConfig, Update
from pellucid.rules.adversarial_losses import LOSSES, gradient_penalty
from pellucid.rules.check import try_out
from pellucid.tasks.task import Task


class NetConfig(StochasticUpdateConfig):
    """Settings of the update of one of the two nets."""

    optimizer: dict[str, Any] = Field({"name": "adam", "learning_rate": 2e-4, "beta1": 0.5}, validate_default=True)
    """Which optimizer; Adam as in Radford et al. 2015, section 4: a larger rate or momentum made training oscillate."""
    accumulate: Literal[1] = 1
    """The two nets answer each other batch by batch."""


class Config(Base):
    """Settings of the adversarial rule."""

    loss: Literal["non_saturating", "hinge", "wasserstein"] = "non_saturating"
    """What the two nets play for. non_saturating is the first one's and needs least; wasserstein comes with a gradient
    penalty, is slower, and follows a distance that has a slope everywhere."""
    discriminator_steps: int = Field(1, ge=1)
    """Updates of the discriminator for each of the generator; Wasserstein's critic wants 5."""
    gradient_penalty: float = Field(10.0, ge=0)
    """Weight of the Wasserstein loss's penalty, which keeps the critic's slope near 1; the paper's value."""
    generator: NetConfig = NetConfig()
    """How the generator is updated."""
    discriminator: NetConfig = NetConfig()
    """How the discriminator is updated."""


class Adversarial:
    """Two nets, two updates: first the discriminator's, then the generator's."""

    policy = None
    signals = (
        Signal(
            "discriminator_accuracy",
            "Does the discriminator tell?",
            "The share of pairs of an image and a sample in which the image has the higher score: 0.5 is guessing, 1 "
            "is never mistaken. The game is alive while the answer is usually right and not always.",
            0.55,
            0.995,
            "The discriminator has nothing to say: its rate is too small, or the samples are perfect. Raise "
            "rule.discriminator.optimizer.learning_rate, or discriminator_steps.",
            "The discriminator is never mistaken, and the generator learns little from it. Lower "
            "rule.discriminator.optimizer.learning_rate, or take rule.loss = 'wasserstein'.",
        ),
        Signal(
            "diversity",
            "Do the samples differ?",
            "The mean standard deviation of the samples' pixels over a batch, as a share of the images'. 1 is as "
            "diverse as the data; near 0 all samples are one picture (mode collapse).",
            0.6,
            1.4,
            "The samples are too much alike: mode collapse. Lower both rates, or take rule.loss = 'wasserstein'.",
            "The samples vary more than the images: they are noise still, or training has come apart.",
        ),
    )

    def __init__(self, config: Config, model: nn.Module, task: Task, execution: Execution, total_steps: int) -> None:
        nets = dict(model.named_children())
        if not {"generator", "discriminator"} <= set(nets) or not isinstance(model, Generative):
            raise PellucidError(
                f"rule.name = 'adversarial' trains a generator against a discriminator, and {type(model).__name__} is "
                "no such pair. Choose model.name = 'dcgan', or rule.name = 'backpropagation'."
            )
        if config.loss == "wasserstein" and any(
            isinstance(module, nn.modules.batchnorm._BatchNorm) for module in nets["discriminator"].modules()
        ):
            raise PellucidError(
                "rule.loss = 'wasserstein' penalises the slope at each row alone, and a batch norm in the "
                "discriminator mixes the rows. Choose model.discriminator_norm = 'layer' or 'none'."
            )
        self.model = model
        self.execution = execution
        self._pair: Generative = model
        self._discriminator_net = nets["discriminator"]
        self._discriminator_loss, self._generator_loss = LOSSES[config.loss]
        self._penalty = config.gradient_penalty if config.loss == "wasserstein" else 0.0
        self._every = config.discriminator_steps
        self.discriminator = Update(nets["discriminator"], config.discriminator, total_steps, "discriminator")
        self.generator = Update(nets["generator"], config.generator, max(1, total_steps // self._every), "generator")
        self.updates = {"discriminator": self.discriminator, "generator": self.generator}
        self._generator_norm = torch.zeros((), device=self.generator.flat.values.device)

    def step(self, batch: Batch) -> Mapping[str, Tensor | float]:
        """Return the state of the game before the step; `loss` is the discriminator's, with its penalty.

        Raises:
            NonFinite: of one of the two updates, by name; neither has been made then.
        """
        real = batch["input"]
        generator_learns = (self.discriminator.steps + 1) % self._every == 0
        with self.execution.autocast(), nullcontext() if generator_learns else torch.no_grad():
            fake = self._pair.generate(torch.randn(len(real), self._pair.latent_size, device=real.device))
        with self.discriminator.undone_on_failure() if generator_learns else nullcontext():
            told = self._update_discriminator(real, fake.detach().to(real.dtype))
            if generator_learns:
                self._generator_norm = self._update_generator(fake)
            else:
                self.generator.flat.gradient.zero_()  # of this step, as the instruments see it
        return {**told, "generator_gradient_norm": self._generator_norm}

    def _update_discriminator(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """Teach the discriminator to tell images from samples; return the state of the game before it learned."""
        with self.execution.autocast():
            real_scores, fake_scores = self._discriminator_net(real).float(), self._discriminator_net(fake).float()
            loss = self._discriminator_loss(real_scores, fake_scores)
            if self._penalty:
                mix = torch.rand(len(real), device=real.device)
                loss = loss + self._penalty * gradient_penalty(self._discriminator_net, real, fake, mix)
        self.discriminator.flat.fill(loss)
        loss = loss.detach()
        norm = self.discriminator.step(loss)
        scalars = self._scalars(real, fake, real_scores.detach(), fake_scores.detach())
        return {"loss": loss, **scalars, "discriminator_gradient_norm": norm}

    def _update_generator(self, fake: Tensor) -> Tensor:
        """Teach the generator to be taken for data by the new discriminator; return its gradient's norm."""
        with self.execution.autocast():
            loss = self._generator_loss(self._discriminator_net(fake).float())
        self.generator.flat.fill(loss)
        return self.generator.step(loss.detach())

    @torch.no_grad()
    def _scalars(self, real: Tensor, fake: Tensor, real_scores: Tensor, fake_scores: Tensor) -> dict[str, Tensor]:
        """What tells whether the game is balanced and the samples differ."""
        return {
            "generator_loss": self._generator_loss(fake_scores),
            "real_score": real_scores.mean(),
            "fake_score": fake_scores.mean(),
            "discriminator_accuracy": (real_scores[:, None] > fake_scores).float().mean(),
            "diversity": fake.std(0).mean() / real.std(0).mean().clamp_min(1e-12),
        }

    def check(self, batch: Batch) -> None:
        """Try a batch on both nets, and refuse images that the generator cannot paint."""
        images = batch["input"]
        try_out(self.model, lambda: self.model(images), len(batch), images.shape[1:])
        low, high = float(images.min()), float(images.max())
        if low < 0 or high > 1:
            raise DataError(
                f"The prepared images lie in {low:.3g} to {high:.3g}, and a generator paints in 0 to 1. "
                "Set prepare.standardize=false, and give images in 0 to 1 or as bytes."
            )

    def observe(self, score: float) -> None:
        """Tell both schedules."""
        for update in self.updates.values():
            update.observe(score)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The moving averages of both nets, where the recipe asks for them."""
        with ExitStack() as stack:
            for update in self.updates.values():
                stack.enter_context(update.averaged())
            yield

    def state_dict(self) -> dict[str, Any]:
        """Both updates, and the norm that is told until the generator's next update."""
        states = {name: update.state_dict() for name, update in self.updates.items()}
        return states | {"generator_gradient_norm": float(self._generator_norm)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        for name, update in self.updates.items():
            update.load_state_dict(state[name])
        self._generator_norm = self._generator_norm.new_tensor(state["generator_gradient_norm"])
