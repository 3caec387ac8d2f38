"""One small problem for all tests of the room: a net with every kind of parameter, and batches for it."""

from collections.abc import Callable, Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pellucid.optim.flat import FlatParameters

Batches = list[tuple[Tensor, Tensor]]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def make_net() -> Callable[[], nn.Module]:
    """A convolution, a norm and three linear layers; the same weights at every call."""

    def make() -> nn.Module:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return nn.Sequential(
                nn.Conv2d(1, 4, 3, padding=1),
                nn.GroupNorm(2, 4),
                nn.ReLU(),
                nn.Flatten(),
                nn.Linear(4 * 4 * 4, 8),
                nn.Tanh(),
                nn.Linear(8, 8),
                nn.Tanh(),
                nn.Linear(8, 3),
            )

    return make


@pytest.fixture
def batches() -> Batches:
    generator = torch.Generator().manual_seed(1)
    return [
        (torch.randn(6, 1, 4, 4, generator=generator), torch.randint(3, (6,), generator=generator)) for _ in range(24)
    ]


@pytest.fixture
def fill() -> Callable[[nn.Module, FlatParameters, tuple[Tensor, Tensor]], Tensor]:
    """Fill the flat gradient with the mean loss's, and return the mean loss."""

    def fill(model: nn.Module, flat: FlatParameters, batch: tuple[Tensor, Tensor]) -> Tensor:
        total, scale = F.cross_entropy(model(batch[0]), batch[1], reduction="sum"), torch.tensor(1 / len(batch[0]))
        flat.fill(total * scale)
        return total.detach() * scale

    return fill
