"""Data at rest: columns, who is in which part, and the steps fitted on the training rows that make them tensors."""

from pellucid.catalogue import Entry

DATA: dict[str, Entry] = {
    "digits": Entry(
        "pellucid.data.embedded:digits",
        "images",
        "Alpaydin & Kaynak, UCI; in scikit-learn",
        1998,
        "1,797 handwritten digits, 8x8 grey, 10 classes; embedded",
    ),
    "diabetes": Entry(
        "pellucid.data.embedded:diabetes",
        "table",
        "Efron et al., Least Angle Regression; in scikit-learn",
        2004,
        "442 patients, 10 measurements, disease progression after a year; embedded",
    ),
    "mnist": Entry(
        "pellucid.data.mnist:mnist",
        "images",
        "LeCun, Cortes & Burges",
        1998,
        "70,000 handwritten digits, 28x28 grey, 10 classes; 10,000 of them the given test part",
    ),
    "cifar10": Entry(
        "pellucid.data.cifar10:cifar10",
        "images",
        "Krizhevsky, Learning Multiple Layers of Features",
        2009,
        "60,000 photographs, 32x32 RGB, 10 classes; 10,000 of them the given test part",
    ),
    "tinyshakespeare": Entry(
        "pellucid.data.text:tinyshakespeare",
        "text",
        "Karpathy, The Unreasonable Effectiveness of Recurrent Neural Networks",
        2015,
        "1,115,394 characters of Shakespeare's plays, 65 different ones",
    ),
    "descriptions": Entry(
        "pellucid.data.text:descriptions",
        "text",
        "scikit-learn",
        2011,
        "the descriptions of scikit-learn's data sets, some twenty thousand characters; embedded",
    ),
    "paragraphs": Entry(
        "pellucid.data.documents:paragraphs",
        "documents",
        "scikit-learn",
        2011,
        "the paragraphs of those descriptions, 6 classes: the data set that each describes; embedded",
    ),
}
