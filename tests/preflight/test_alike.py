"""Pictures and texts that are nearly the same, beside comparing all with all; different ones are not taken for them."""

from __future__ import annotations

import gzip
import io
import itertools
import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageEnhance
from scipy.fft import dctn
from scipy.ndimage import uniform_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.datasets import load_digits

from pellucid.data import locate
from pellucid.preflight import alike, shingles
from pellucid.preflight.alike import LARGE, SIDE, SMALL


def scene(seed: int, size: tuple[int, int] = (120, 90)) -> Image.Image:
    """Something like a photograph: random, its frequencies as strong as those of natural scenes (1/f)."""
    width, height = size
    draw = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None] * height, np.fft.rfftfreq(width)[None] * width)
    waves = np.fft.rfft2(draw.normal(size=(3, height, width))) / np.maximum(frequency, 1)
    pixels = np.fft.irfft2(waves, (height, width))
    pixels = 128 + 45 * (pixels - pixels.mean()) / pixels.std()
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8).transpose(1, 2, 0))


def saved_again(image: Image.Image, quality: int) -> Image.Image:
    held = io.BytesIO()
    image.save(held, "JPEG", quality=quality)
    return Image.open(held)


def cut(image: Image.Image, share: float) -> Image.Image:
    width, height = image.size
    return image.crop(
        (round(share * width), round(share * height), round((1 - share) * width), round((1 - share) * height))
    )


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG at 40": lambda image: saved_again(image, 40),
    "half the size": lambda image: image.resize((image.width // 2, image.height // 2)),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.8),
    "less contrast": lambda image: ImageEnhance.Contrast(image).enhance(0.8),
    "cut by 1 % at each side": lambda image: cut(image, 0.01),
}


def small(images: list[Image.Image]) -> NDArray[np.uint8]:
    resized = [image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR) for image in images]
    return np.stack([np.asarray(image).transpose(2, 0, 1) for image in resized])


def all_pairs(count: int) -> NDArray[np.int64]:
    return np.stack(np.triu_indices(count, 1), axis=1).astype(np.int64)


@pytest.mark.parametrize("name", COPIES)
def test_copies_are_found_and_nothing_else(name: str) -> None:
    originals = [scene(seed) for seed in range(60)]
    pictures = small(originals + [COPIES[name](image) for image in originals])
    found = {tuple(pair) for pair in alike.near(pictures, LARGE).tolist()}
    assert found <= {(row, row + 60) for row in range(60)}
    assert len(found) >= 59  # one hash of those cut differs in 8 bits


def test_the_hash_loses_nothing_that_comparing_all_with_all_finds() -> None:
    originals = [scene(seed) for seed in range(30)]
    pictures = small([*originals, *(copy(image) for copy in COPIES.values() for image in originals)])  # 180
    pairs = all_pairs(len(pictures))
    truth = {tuple(pair) for pair in pairs[alike.verified(pictures, pairs, LARGE)].tolist()}
    found = {tuple(pair) for pair in alike.near(pictures, LARGE).tolist()}
    assert found <= truth
    assert len(found) > 0.99 * len(truth)
    assert {(one % 30, other % 30) for one, other in truth} == {(row, row) for row in range(30)}
    assert alike.groups(sorted(found)) == [list(range(row, 180, 30)) for row in range(30)]


def test_blank_pictures_are_like_none() -> None:
    blank = np.full((3, 3, SIDE, SIDE), 7, np.uint8)
    blank[1] += np.random.default_rng(0).integers(0, 2, blank[1].shape).astype(np.uint8)
    assert alike.near(blank, LARGE).shape == (0, 2)
    assert alike.near(blank[:0], LARGE).shape == (0, 2)


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_pictures_of_one_kind_are_no_copies(name: str) -> None:
    if name == "digits":
        pixels = (load_digits().images * 15.9).astype(np.uint8)
    else:
        path = locate.folder("mnist") / "t10k-images-idx3-ubyte.gz"
        if not path.is_file():
            pytest.skip("MNIST is not here")
        pixels = np.frombuffer(gzip.decompress(path.read_bytes())[16:], np.uint8).reshape(-1, 28, 28)[:2000]
    pictures = small([Image.fromarray(each) for each in pixels])
    assert len(alike.near(pictures, SMALL)) == 0
    brighter = small([Image.fromarray((each * 0.8).astype(np.uint8)) for each in pixels[:50]])
    count = len(pictures)
    assert alike.near(np.concatenate([pictures, brighter]), SMALL).tolist() == [[row, count + row] for row in range(50)]


@given(
    st.lists(st.tuples(st.integers(0, 2**64 - 1), st.lists(st.integers(0, 63), max_size=9)), max_size=12),
    st.integers(0, 7),
)
def test_hashes_within_some_bits(drawn: list[tuple[int, list[int]]], bits: int) -> None:
    numbers = []
    for number, flipped in drawn:
        other = number
        for bit in flipped:
            other ^= 1 << bit
        numbers += [number, other]
    expected = [
        [i, j]
        for i, j in itertools.combinations(range(len(numbers)), 2)
        if (numbers[i] ^ numbers[j]).bit_count() <= bits
    ]
    assert alike.within(np.array(numbers, np.uint64), bits).tolist() == expected


def test_many_hashes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = np.random.default_rng(0).integers(0, 2**9, 400, dtype=np.uint64)  # few bits: many pairs
    bits = np.bitwise_count(hashes[:, None] ^ hashes)
    expected = np.argwhere(np.triu(bits <= 2, 1))
    monkeypatch.setattr(alike, "MANY", 400)
    monkeypatch.setattr(alike, "FEW", 400)
    for at_once in (1, 1000, 1 << 20):
        monkeypatch.setattr(alike, "AT_ONCE", at_once)
        assert np.array_equal(alike.within(hashes, 2), expected)
    with pytest.raises(ValueError, match="bits = 8: expected 0 to 7"):
        alike.within(hashes, 8)


def test_frames_of_a_still_camera_are_joined_without_comparing_all_with_all() -> None:
    """They are alike, all of them: pairs as the square of their number took a minute for a thousand."""
    noise = np.random.default_rng(0).normal(0, 2, (300, 3, SIDE, SIDE))
    frames = np.clip(small([scene(1)]) + noise, 0, 255).astype(np.uint8)
    pairs = alike.near(frames, LARGE)
    assert alike.groups(pairs) == [list(range(300))]
    assert np.bincount(pairs[:, 0]).max() <= alike.FEW
    assert len(np.unique(pairs, axis=0)) == len(pairs)
    assert (pairs[:, 0] < pairs[:, 1]).all()


def test_the_hash_and_the_detail_beside_scipy() -> None:
    pictures = small([scene(seed) for seed in range(8)])
    spectrum = dctn(pictures.mean(axis=1), axes=(1, 2))[:, :8, :8].reshape(8, 64)
    signs = spectrum > np.median(spectrum[:, 1:], axis=1, keepdims=True)
    assert np.array_equal(np.packbits(signs, axis=1).view(np.uint64)[:, 0], alike.fingerprints(pictures))
    floats = pictures.astype(float)
    detail = floats - uniform_filter(floats, (1, 1, 5, 5), mode="nearest")
    pairs = all_pairs(8)
    for values, asked in ((floats, False), (detail, True)):
        expected = np.corrcoef(values.reshape(8, -1))[pairs[:, 0], pairs[:, 1]]
        assert np.allclose(alike.likeness(pictures, pairs, detail=asked), expected, atol=1e-5)


@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 15)), max_size=20))
def test_groups_are_the_components_of_a_graph(pairs: list[tuple[int, int]]) -> None:
    one, other = np.array(pairs, int).reshape(-1, 2).T
    _, labels = connected_components(coo_array((np.ones(len(pairs)), (one, other)), (16, 16)), directed=False)
    named = sorted({row for pair in pairs for row in pair})
    expected = [[row for row in named if labels[row] == label] for label in dict.fromkeys(labels[named].tolist())]
    assert alike.groups(pairs) == expected


WORDS = [f"w{number}" for number in range(3000)]


def review(seed: int, words: int = 200) -> str:
    """Random words with the frequencies of a language (Zipf), in sentences."""
    draw = np.random.default_rng(seed)
    ranks = np.minimum(draw.zipf(1.3, words), len(WORDS)) - 1
    return " ".join(WORDS[rank] + ("." if place % 15 == 14 else "") for place, rank in enumerate(ranks))


EDITS: dict[str, Callable[[str], str]] = {
    "a word changed": lambda text: text.replace(text.split()[90], "otherwise", 1),
    "a sentence added": lambda text: text + " And I have seen it twice since then, with my brother.",
    "a sentence cut": lambda text: " ".join(text.split()[15:]),
    "capitals and marks": lambda text: text.upper().replace(".", " !!<br /><br />"),
}


@pytest.mark.parametrize("name", EDITS)
def test_edited_texts_are_found_and_nothing_else(name: str) -> None:
    originals = [review(seed) for seed in range(150)]
    pairs = shingles.near([*originals, *map(EDITS[name], originals)])
    assert pairs.tolist() == [[row, row + 150] for row in range(150)]


def test_texts_beside_comparing_all_with_all() -> None:
    texts = [review(seed, 120) for seed in range(40)]
    draw = np.random.default_rng(1)
    for text in texts[:40] * 5:  # more and more words changed: some pairs on each side of 0.8
        words = text.split()
        for place in draw.integers(0, len(words), draw.integers(1, 8)):
            words[place] = "changed"
        texts.append(" ".join(words))
    sets = []
    for text in texts:
        words = re.findall(r"\w+", text.lower())
        sets.append({tuple(words[place : place + 5]) for place in range(len(words) - 4)})
    truth = {
        (i, j)
        for i, j in itertools.combinations(range(len(texts)), 2)
        if len(sets[i] & sets[j]) >= 0.8 * len(sets[i] | sets[j])
    }
    found = {tuple(pair) for pair in shingles.near(texts).tolist()}
    assert len(truth) > 50
    assert found <= truth
    assert len(found) >= 0.98 * len(truth)


def test_short_and_empty_texts() -> None:
    texts = ["", "Very good.", "good, very", "?!", "very GOOD!", "very", "a b c d e", "a b c d e f", "A b, c d e"]
    assert shingles.near(texts).tolist() == [[1, 4], [6, 8]]
    assert shingles.near([]).shape == (0, 2)
    assert shingles.near(["", "..."]).shape == (0, 2)
    assert shingles.near(["one text repeated"] * 100).tolist()[0] == [0, 1]
