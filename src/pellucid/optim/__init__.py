"""Optim: from a gradient to new weights. Parameters live in one flat tensor, so an optimizer is one kernel call."""

from __future__ import annotations

from pellucid.catalogue import Entry

OPTIMIZERS: dict[str, Entry] = {
    "sgd": Entry(
        "pellucid.optim.sgd:SGD",
        "first order",
        "Robbins & Monro, A Stochastic Approximation Method; Polyak 1964 (momentum); Nesterov 1983",
        1951,
        "down the gradient, with momentum or Nesterov's look ahead",
    ),
    "adagrad": Entry(
        "pellucid.optim.adagrad:AdaGrad",
        "adaptive",
        "Duchi, Hazan & Singer, Adaptive Subgradient Methods",
        2011,
        "each rate shrinks with the sum of that weight's squared gradients: rare features keep learning",
    ),
    "rmsprop": Entry(
        "pellucid.optim.rmsprop:RMSProp",
        "adaptive",
        "Tieleman & Hinton, Neural Networks for Machine Learning, lecture 6.5",
        2012,
        "the gradient over its running root mean square",
    ),
    "adam": Entry(
        "pellucid.optim.adam:Adam",
        "adaptive",
        "Kingma & Ba, Adam: A Method for Stochastic Optimization (arXiv 1412.6980)",
        2014,
        "running mean of the gradient over its running root mean square, both without their bias to zero",
    ),
    "adamw": Entry(
        "pellucid.optim.adamw:AdamW",
        "adaptive",
        "Loshchilov & Hutter, Decoupled Weight Decay Regularization (arXiv 1711.05101)",
        2017,
        "Adam whose weight decay shrinks the weights themselves and stays out of the moments",
    ),
    "muon": Entry(
        "pellucid.optim.muon:Muon",
        "matrix",
        "Jordan, Muon: An optimizer for hidden layers in neural networks (kellerjordan.github.io/posts/muon)",
        2024,
        "the momentum of a hidden matrix made orthogonal, so that every direction learns; AdamW for the rest",
    ),
    "lbfgs": Entry(
        "pellucid.optim.lbfgs:LBFGS",
        "second order",
        "Liu & Nocedal, On the Limited Memory BFGS Method for Large Scale Optimization",
        1989,
        "curvature from the last few steps, for small convex problems on the full batch",
    ),
}

SCHEDULES: dict[str, Entry] = {
    "constant": Entry(
        "pellucid.optim.schedules.constant:constant",
        "fixed",
        "Robbins & Monro, A Stochastic Approximation Method",
        1951,
        "the same rate throughout",
    ),
    "step": Entry(
        "pellucid.optim.schedules.step:step_down",
        "decay",
        "He et al., Deep Residual Learning for Image Recognition (arXiv 1512.03385)",
        2015,
        "a tenth of the rate after each milestone",
    ),
    "cosine": Entry(
        "pellucid.optim.schedules.cosine:cosine",
        "decay",
        "Loshchilov & Hutter, SGDR (arXiv 1608.03983)",
        2016,
        "half a cosine from the full rate to almost none",
    ),
    "one_cycle": Entry(
        "pellucid.optim.schedules.one_cycle:one_cycle",
        "cycle",
        "Smith & Topin, Super-Convergence (arXiv 1708.07120)",
        2017,
        "up to a large rate, then down to almost none",
    ),
    "plateau": Entry(
        "pellucid.optim.schedules.plateau:plateau",
        "feedback",
        "Bengio, Practical Recommendations for Gradient-Based Training (arXiv 1206.5533)",
        2012,
        "a tenth of the rate when the validation score no longer rises",
    ),
}
