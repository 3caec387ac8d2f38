"""Recipes that are ready to train: `pellucid train NAME`. Each is a Python function that returns a `Recipe`."""

from pellucid.catalogue import Entry

RECIPES: dict[str, Entry] = {
    "digits": Entry(
        "pellucid.recipes.digits:digits",
        "images",
        "",
        2026,
        "a small convolutional net on scikit-learn's 8x8 digits; seconds",
    ),
    "digits-softmax": Entry(
        "pellucid.recipes.digits:digits_softmax",
        "images",
        "Bridle",
        1990,
        "softmax regression with L2 on the digits, to the optimum by L-BFGS",
    ),
    "digits-mlp": Entry(
        "pellucid.recipes.digits:digits_mlp",
        "images",
        "Rumelhart et al.",
        1986,
        "a multilayer perceptron on the digits",
    ),
    "digits-perceptron": Entry(
        "pellucid.recipes.digits:digits_perceptron",
        "images",
        "Rosenblatt",
        1958,
        "ten threshold units on the digits, by their own rule",
    ),
    "diabetes-mlp": Entry(
        "pellucid.recipes.diabetes:diabetes_mlp",
        "table",
        "Efron et al.",
        2004,
        "regression of disease progression; seconds",
    ),
    "mnist-softmax": Entry(
        "pellucid.recipes.mnist:mnist_softmax", "images", "LeCun et al.", 1998, "softmax regression on MNIST"
    ),
    "mnist-mlp": Entry(
        "pellucid.recipes.mnist:mnist_mlp", "images", "Simard et al.", 2003, "a multilayer perceptron on MNIST"
    ),
    "mnist-lenet5": Entry(
        "pellucid.recipes.mnist:mnist_lenet5", "images", "LeCun et al.", 1998, "LeNet-5 as it is taught today"
    ),
    "mnist-lenet5-1998": Entry(
        "pellucid.recipes.mnist:mnist_lenet5_1998", "images", "LeCun et al.", 1998, "LeNet-5 as it was published"
    ),
    "mnist-resnet": Entry(
        "pellucid.recipes.mnist:mnist_resnet", "images", "He et al.", 2015, "a residual net of 8 layers on MNIST"
    ),
    "shakespeare-lstm": Entry(
        "pellucid.recipes.text:shakespeare_lstm",
        "text",
        "Karpathy",
        2015,
        "a character LSTM on Shakespeare's plays; five minutes",
    ),
    "shakespeare-gpt": Entry(
        "pellucid.recipes.text:shakespeare_gpt",
        "text",
        "Radford et al.",
        2019,
        "a small GPT on Shakespeare's plays; ten minutes",
    ),
    "descriptions-lstm": Entry(
        "pellucid.recipes.text:descriptions_lstm",
        "text",
        "Hochreiter & Schmidhuber",
        1997,
        "a character LSTM on scikit-learn's descriptions; seconds",
    ),
    "descriptions-gpt": Entry(
        "pellucid.recipes.text:descriptions_gpt",
        "text",
        "Radford et al.",
        2019,
        "a small GPT on scikit-learn's descriptions; seconds",
    ),
    "paragraphs": Entry(
        "pellucid.recipes.text:paragraphs",
        "documents",
        "Kim",
        2014,
        "a small convolutional net tells which data set a paragraph describes; seconds",
    ),
    "digits-dcgan": Entry(
        "pellucid.recipes.digits:digits_dcgan",
        "generative",
        "Radford et al.",
        2015,
        "an adversarial pair on the 8x8 digits; seconds",
    ),
    "mnist-dcgan": Entry(
        "pellucid.recipes.mnist:mnist_dcgan", "generative", "Radford et al.", 2015, "an adversarial pair on MNIST"
    ),
    "digits-rbm": Entry(
        "pellucid.recipes.energy:digits_rbm",
        "energy",
        "Hinton",
        2002,
        "a small Boltzmann machine on the digits, its likelihood exact; seconds",
    ),
    "mnist-rbm": Entry(
        "pellucid.recipes.energy:mnist_rbm",
        "energy",
        "Salakhutdinov & Murray",
        2008,
        "a Boltzmann machine of 500 hidden units on binarised MNIST",
    ),
    "digits-hopfield": Entry(
        "pellucid.recipes.energy:digits_hopfield",
        "energy",
        "Hopfield",
        1982,
        "ten digits stored in 64 units, and what becomes of them",
    ),
    "digits-som": Entry(
        "pellucid.recipes.energy:digits_som", "map", "Kohonen", 1982, "the digits on a map of 10 x 10 units; seconds"
    ),
    "cartpole-reinforce": Entry(
        "pellucid.recipes.control:cartpole_reinforce",
        "control",
        "Williams",
        1992,
        "balance a pole, learned from whole episodes; half a minute",
    ),
    "cartpole-a2c": Entry(
        "pellucid.recipes.control:cartpole_a2c",
        "control",
        "Mnih et al.",
        2016,
        "balance a pole, learned with a critic's help; half a minute",
    ),
    "cartpole-ppo": Entry(
        "pellucid.recipes.control:cartpole_ppo",
        "control",
        "Schulman et al.",
        2017,
        "balance a pole, learned from every rollout several times; half a minute",
    ),
    "acrobot-ppo": Entry(
        "pellucid.recipes.control:acrobot_ppo",
        "control",
        "Schulman et al.",
        2017,
        "swing two hanging links up; a minute",
    ),
}
