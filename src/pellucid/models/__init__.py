"""Models: one architecture per file, each `Model(config, spec)`. This is the table of them; listing it loads no torch.

A model takes one tensor `(batch, *spec.input.shape)` and gives `(batch, spec.num_outputs)`: logits or numbers; one that
reads sequences gives such at every place, and what it remembers. What turns them into probabilities and a loss is the
task's affair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from pellucid.catalogue import Entry, configure
from pellucid.errors import PellucidError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from pellucid.spec import Spec

MODELS: dict[str, Entry] = {
    "linear": Entry(
        target="pellucid.models.linear:Linear",
        family="linear",
        paper="Cox, The Regression Analysis of Binary Sequences",
        year=1958,
        line="linear or softmax regression: one weighted sum per output",
        example="digits",
    ),
    "perceptron": Entry(
        target="pellucid.models.perceptron:Perceptron",
        family="linear",
        paper="Rosenblatt, The Perceptron: A Probabilistic Model for Information Storage and Organization in the Brain",
        year=1958,
        line="Rosenblatt's threshold units, which learn from their mistakes",
        example="digits",
    ),
    "mlp": Entry(
        target="pellucid.models.mlp:MultilayerPerceptron",
        family="dense",
        paper="Rumelhart, Hinton & Williams, Learning Representations by Back-Propagating Errors",
        year=1986,
        line="multilayer perceptron: any widths, activation, initialiser, norm and dropout",
        example="mnist",
    ),
    "tabular": Entry(
        target="pellucid.models.tabular:TabularNet",
        family="dense",
        paper="Guo & Berkhahn, Entity Embeddings of Categorical Variables (arXiv 1604.06737)",
        year=2016,
        line="for tables: an embedding of every category beside the numbers, into a multilayer perceptron",
        example="digits",
    ),
    "forecaster": Entry(
        target="pellucid.models.forecaster:Forecaster",
        family="dense",
        paper="Zeng et al., Are Transformers Effective for Time Series Forecasting? (arXiv 2205.13504)",
        year=2023,
        line="for series: what is added to the last value, by a linear map of the window and hidden layers",
        example="digits",
    ),
    "convnet": Entry(
        target="pellucid.models.convnet:ConvNet",
        family="convolutional",
        paper="LeCun et al., Backpropagation Applied to Handwritten Zip Code Recognition",
        year=1989,
        line="small convolutional network for images of any size: the first one to try",
        example="digits",
    ),
    "lenet5": Entry(
        target="pellucid.models.lenet5:LeNet5",
        family="convolutional",
        paper="LeCun, Bottou, Bengio & Haffner, Gradient-Based Learning Applied to Document Recognition",
        year=1998,
        line="LeNet-5, as in the paper or as it is taught today",
        example="mnist",
    ),
    "resnet": Entry(
        target="pellucid.models.resnet:ResNet",
        family="convolutional",
        paper="He et al., Deep Residual Learning for Image Recognition (arXiv 1512.03385)",
        year=2015,
        line="residual network for small images, 8 to 110 layers, and the plain network of equal depth",
        example="cifar10",
    ),
    "unet": Entry(
        target="pellucid.models.unet:UNet",
        family="convolutional",
        paper="Ronneberger et al., U-Net: Convolutional Networks for Biomedical Image Segmentation (arXiv 1505.04597)",
        year=2015,
        line="a class for every pixel: a contracting path, an expanding one, and skips between them",
        example="digits",
    ),
    "text_convnet": Entry(
        target="pellucid.models.text_convnet:TextConvNet",
        family="convolutional",
        paper="Kim, Convolutional Neural Networks for Sentence Classification (arXiv 1408.5882)",
        year=2014,
        line="for documents: filters over a few words each, and the largest answer of each filter",
        example="paragraphs",
    ),
    "lstm": Entry(
        target="pellucid.models.lstm:LSTM",
        family="recurrent",
        paper="Hochreiter & Schmidhuber, Long Short-Term Memory",
        year=1997,
        line="long short-term memory as a language model; as fused layers, or as equations that one can read",
        example="tinyshakespeare",
    ),
    "gpt": Entry(
        target="pellucid.models.gpt:GPT",
        family="transformer",
        paper="Radford et al., Language Models are Unsupervised Multitask Learners",
        year=2019,
        line="a transformer that reads from left to right, small enough for characters on a processor",
        example="tinyshakespeare",
    ),
    "dcgan": Entry(
        target="pellucid.models.dcgan:DCGAN",
        family="generative",
        paper="Radford et al., Unsupervised Representation Learning with Deep Convolutional Generative Adversarial "
        "Networks (arXiv 1511.06434)",
        year=2015,
        line="convolutional generator and discriminator that learn against each other",
        example="mnist",
    ),
    "rbm": Entry(
        target="pellucid.models.rbm:RestrictedBoltzmannMachine",
        family="energy",
        paper="Smolensky, Information Processing in Dynamical Systems: Foundations of Harmony Theory",
        year=1986,
        line="restricted Boltzmann machine: units that are on or off, and a probability for every state",
        example="mnist",
    ),
    "hopfield": Entry(
        target="pellucid.models.hopfield:Hopfield",
        family="energy",
        paper="Hopfield, Neural networks and physical systems with emergent collective computational abilities",
        year=1982,
        line="Hopfield net: completes what it is given to the nearest of the patterns that it stores",
        example="digits",
    ),
    "som": Entry(
        target="pellucid.models.som:SelfOrganizingMap",
        family="competitive",
        paper="Kohonen, Self-organized formation of topologically correct feature maps",
        year=1982,
        line="self-organizing map: a sheet of units laid into the data, neighbours beside neighbours",
        example="digits",
    ),
    "actor_critic": Entry(
        target="pellucid.models.actor_critic:ActorCritic",
        family="policy",
        paper="Andrychowicz et al., What Matters In On-Policy Reinforcement Learning? (arXiv 2006.05990)",
        year=2020,
        line="a policy and a value of observations, two perceptrons of tanh units behind one running normaliser",
        example="cartpole",
    ),
}


@runtime_checkable
class BeginsFromSample(Protocol):
    """A model whose first weights look at data."""

    def begin_from(self, sample: Tensor) -> None:
        """Set the first weights by prepared training inputs."""


def build(
    section: Mapping[str, Any], spec: Spec, *, seed: int, sample: Callable[[], Tensor] | None = None
) -> nn.Module:
    """Build the model that a recipe's `model` section names. The same seed gives the same weights.

    Args:
        section: `name`, and that model's own settings.
        spec: the shapes and classes of the data.
        seed: of the first weights; torch's global generator is left as it was.
        sample: gives a batch of inputs, a few hundred rows; called for `initialiser = "layer_sequential"`, and for a
            model that begins from data (without it, that one begins as if it knew nothing).

    Raises:
        RecipeError: with every problem of the section.
        ShapeError: where the model cannot read such inputs.

    Example:
        >>> from pellucid.spec import Field, Spec
        >>> spec = Spec(Field("number", (4,)), Field("category", categories=("setosa", "versicolor", "virginica")))
        >>> build({"name": "mlp", "hidden": [8]}, spec, seed=0).output
        Linear(in_features=8, out_features=3, bias=True)
    """
    import torch

    from pellucid.nn.initialisers import layer_sequential

    config = configure(MODELS, section, "model")
    needs_sample = config.model_dump().get("initialiser") == "layer_sequential"
    if needs_sample and sample is None:
        raise PellucidError(
            "model.initialiser = 'layer_sequential' scales the weights on real inputs, but none were given. "
            "Pass sample=, a function that returns a batch of inputs."
        )
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # not torch.manual_seed, which would seed the accelerators too
        model: nn.Module = MODELS[section["name"]].load()(config, spec)
        if needs_sample and sample is not None:
            layer_sequential(model, sample())
        if sample is not None and isinstance(model, BeginsFromSample):
            model.begin_from(sample())
    return model
