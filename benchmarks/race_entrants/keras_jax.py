"""Keras on JAX, its fastest backend on a processor: `model.fit` with 16 steps per call; fp32, as it comes.

python keras_jax.py WORKLOAD DATA_FOLDER STEPS

R1, R2 and R6. Keras' own first weights are kept, and images lie with their channels last, as it wants them.
"""

from __future__ import annotations

import os
import sys

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np
from account import Clock, tell
from keras import layers
from workload import SEED, WORKLOADS, read

STEPS_PER_CALL = 16


def perceptron(inputs: int, *sizes: int) -> list[layers.Layer]:
    return [
        keras.Input((inputs,)),
        *[layers.Dense(size, activation="relu") for size in sizes],
        layers.Dense(10),
    ]


def net(name: str) -> keras.Model:
    if name == "R1":
        return keras.Sequential(perceptron(784, 256, 128))
    if name.startswith("R6"):
        return keras.Sequential(perceptron(64, 128, 64))
    convolutions = [
        keras.Input((28, 28, 1)),
        layers.Conv2D(6, 5, padding="same", activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(16, 5, activation="relu"),
        layers.MaxPooling2D(2),
    ]
    dense = [layers.Dense(120, activation="relu"), layers.Dense(84, activation="relu"), layers.Dense(10)]
    return keras.Sequential([*convolutions, layers.Flatten(), *dense])


def main(name: str, folder: str, steps: int) -> None:
    workload = WORKLOADS[name]
    keras.utils.set_random_seed(SEED)
    arrays = read(folder, workload)
    x, x_test = (
        images / np.float32(255 if images.dtype == np.uint8 else 1) for images in (arrays.x_train, arrays.x_test)
    )
    if workload.data == "mnist":
        shape = (-1, 784) if name == "R1" else (-1, 28, 28, 1)
        x, x_test = x.reshape(shape), x_test.reshape(shape)
    model = net(name)
    model.compile(
        optimizer=keras.optimizers.Adam(workload.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        steps_per_execution=STEPS_PER_CALL,
    )
    clock = Clock(steps, workload.batch_size)

    class Steps(keras.callbacks.Callback):
        """Keras calls once for all the steps of a call; the last batch tells how many there were."""

        done = 0

        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            while self.done < self.params["epoch"] * self.params["steps"] + batch + 1:
                self.done += 1
                clock.step()

        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            self.params["epoch"] = epoch

    epochs = -(-steps * workload.batch_size // len(x))
    model.fit(x, arrays.y_train, batch_size=workload.batch_size, epochs=epochs, verbose=0, callbacks=[Steps()])
    right = (model.predict(x_test, batch_size=1000, verbose=0).argmax(axis=1) == arrays.y_test).mean()
    tell(quality=float(right), clock=clock)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
