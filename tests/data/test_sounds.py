"""Folders of sounds: decoding beside soundfile and SciPy by hand, what is proposed, what is refused, damaged bytes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly

from pellucid.data import kinds, sounds, waveforms
from pellucid.data.columns import Columns
from pellucid.data.inputs import read_inputs
from pellucid.errors import DataError
from pellucid.recipe import DataSection
from tests.data.noises import classes, tone


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path_factory.mktemp("cache")))


def read(root: Path, rate: int = 8000, seconds: float = 0.3, **more: object) -> Columns:
    return sounds.read(DataSection.model_validate({"source": str(root), "rate": rate, "seconds": seconds, **more}))


@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_sixteen_bits_at_the_wanted_rate_are_the_samples_themselves(ending: str) -> None:
    root = classes(Path("tones"), ending=ending)
    columns = read(root)
    assert columns.values["input"].dtype == np.int16
    assert (columns.schema["input"].kind, columns.schema["input"].rate) == ("audio", 8000)
    assert columns.schema["target"].categories == ("high", "low")
    for row, file in enumerate(sounds.find(DataSection(source=str(root))).files):
        by_hand, _ = soundfile.read(root / file, dtype="int16")
        assert np.array_equal(columns.values["input"][row], by_hand)


def test_ogg_is_read() -> None:
    soundfile.write("a.ogg", tone(440, 16000, 0.5), 16000)
    by_hand, _ = soundfile.read("a.ogg")
    read_samples, header = waveforms.decode(Path("a.ogg"), 16000, 0.5)
    assert header == (16000, 8000, 1, "OGG")
    assert np.abs(read_samples / 32768 - by_hand).max() <= 0.51 / 32768


def test_longer_is_cut_and_shorter_ends_in_silence() -> None:
    soundfile.write("a.wav", tone(440, 8000, 0.5), 8000)
    whole, _ = soundfile.read("a.wav", dtype="int16")
    short, header = waveforms.decode(Path("a.wav"), 8000, 0.2)
    assert header.seconds == 0.5
    assert np.array_equal(short, whole[:1600])
    long, _ = waveforms.decode(Path("a.wav"), 8000, 0.8)
    assert np.array_equal(long[:4000], whole)
    assert not long[4000:].any()


def test_channels_become_their_mean_and_too_loud_is_clipped() -> None:
    left, right = tone(440, 8000, 0.1, 1), tone(700, 8000, 0.1, 2)
    soundfile.write("stereo.wav", np.stack([left, right], axis=1), 8000, subtype="DOUBLE")
    heard, _ = waveforms.decode(Path("stereo.wav"), 8000, 0.1)
    assert np.abs(heard / 32768 - (left + right) / 2).max() <= 0.51 / 32768
    soundfile.write("loud.wav", np.array([1.5, -1.5, 1.0, -1.0]), 8000, subtype="FLOAT")
    assert waveforms.decode(Path("loud.wav"), 8000, 4 / 8000)[0].tolist() == [32767, -32768, 32767, -32768]


@pytest.mark.parametrize(("given", "wanted", "up", "down"), [(44100, 16000, 160, 441), (8000, 11025, 441, 320)])
def test_another_rate_is_scipys_polyphase_filter(given: int, wanted: int, up: int, down: int) -> None:
    sound = tone(440, given, 1.0)
    soundfile.write("a.wav", sound, given, subtype="DOUBLE")
    heard, _ = waveforms.decode(Path("a.wav"), wanted, 1.0)
    by_hand = resample_poly(sound.astype(np.float32).astype(np.float64), up, down)[:wanted]
    assert np.abs(heard / 32768 - by_hand).max() <= 0.51 / 32768
    part, _ = waveforms.decode(Path("a.wav"), wanted, 0.25)  # decodes a part only, and hears the same
    assert np.array_equal(part, heard[: wanted // 4])


def test_an_odd_rate_is_almost_reached() -> None:
    soundfile.write("a.wav", tone(440, 44101, 1.0), 44101)
    heard, _ = waveforms.decode(Path("a.wav"), 8000, 1.0)
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(8000)))
    assert spectrum.argmax() == 440


def test_predict_hears_as_training_did() -> None:
    root = classes(Path("tones"), rate=11025, seconds=0.4)
    columns = read(root, 8000, 0.3)
    files = sounds.find(DataSection(source=str(root))).files
    for row, given in enumerate(read_inputs([str(root / file) for file in files], columns.schema["input"])):
        assert given.values is not None
        assert np.array_equal(given.values[0], columns.values["input"][row])
        assert given.note == "brought from 11,025 to 8,000 Hz, cut from 0.40 to 0.30 s"
    listed = list(read_inputs([str(root / "low")], columns.schema["input"]))
    assert [each.names for each in listed] == [[str(root / f"low/{number:03}.wav")] for number in range(6)]


def test_the_kind_is_inferred_and_names_can_be_classes() -> None:
    Path("flat").mkdir()
    for digit in "01":
        for who in ("ann", "bob"):
            soundfile.write(f"flat/{digit}_{who}_0.wav", tone(300 + 900 * int(digit), 8000, 0.2), 8000)
    assert kinds.kind_of(Path("flat")) == "sounds"
    columns = sounds.read(
        DataSection(source="flat", kind="sounds", target="name_1", rate=8000, seconds=0.2), ["name_2"]
    )
    assert columns.values["target"].tolist() == [0, 0, 1, 1]
    assert columns.keys["name_2"].tolist() == ["ann", "bob", "ann", "bob"]


def test_the_proposed_rate_and_length() -> None:
    def proposed(root: Path) -> tuple[int, float]:
        found = sounds.find(DataSection(source=str(root)))
        return sounds.proposed(found, sounds.headers_of(found))

    root = classes(Path("tones"), each=20, seconds=0.33)
    soundfile.write(root / "low/long.wav", tone(300, 48000, 3.0), 48000)
    assert proposed(root) == (8000, 0.4)  # one in forty-one is longer
    assert proposed(classes(Path("fast"), rate=44100, seconds=0.1)) == (16000, 0.1)
    with pytest.raises(DataError, match=r"Give data.rate = 8000 and data.seconds = 0.4: the most common rate"):
        sounds.read(DataSection(source="tones"))
    found = sounds.find(DataSection(source=str(root)))
    assert sounds.told(found, sounds.headers_of(found), 8000, 0.4)[:3] == [
        "sounds: 41 of 2 classes, 0.33 to 3.00 s",
        "rate: 40 of 8,000 Hz, 1 of 48,000 Hz, brought to 8,000 Hz; channels become their mean",
        "length: brought to 0.4 s; 1 are longer and are cut, shorter ones end in silence",
    ]


def damaged(name: str) -> Path:
    """Make one damaged sound."""
    path = Path(name).with_suffix(".wav")
    sound = tone(440, 8000, 0.5)
    soundfile.write(path, sound, 8000)
    content = bytearray(path.read_bytes())
    if name == "truncated":
        path.write_bytes(content[:1000])
    elif name == "text":
        path.write_bytes(b"no sound at all")
    elif name == "empty":
        soundfile.write(path, sound[:0], 8000)
    elif name == "nothing":
        path.write_bytes(b"")
    elif name == "absurd_rate":
        content[24:28] = (655_350_000).to_bytes(4, "little")
        path.write_bytes(content)
    elif name == "nan":
        sound[7] = np.nan
        soundfile.write(path, sound, 8000, subtype="FLOAT")
    elif name == "unit":
        soundfile.write(path, sound * 32768, 8000, subtype="FLOAT")
    elif name == "aiff":
        soundfile.write("a.aiff", sound, 8000)
        path = Path("a.aiff").rename(path)
    elif name == "channels":
        soundfile.write(path, np.zeros((4, 40)), 8000)
    elif name == "cut_flac":
        soundfile.write("a.flac", np.random.default_rng(0).uniform(-1, 1, 20000), 8000)
        path.write_bytes(Path("a.flac").read_bytes()[:20000])
    return path


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("truncated", "it is cut short: 8,000 bytes of sound are promised, 956 are there."),
        ("text", "it is not a sound that can be decoded"),
        ("nothing", "it is not a sound that can be decoded"),
        ("empty", "it holds no samples."),
        ("absurd_rate", "1 channels of 655,350,000 samples per second"),
        ("nan", "it holds NaN or infinity."),
        ("unit", "where 1 is full scale. Save them within -1 to 1."),
        ("aiff", "it is AIFF by its content. Save it as WAV, FLAC or OGG."),
        ("channels", "40 channels"),
        ("cut_flac", "it is "),
    ],
)
def test_what_cannot_be_is_refused(name: str, told: str) -> None:
    path = damaged(name)
    with pytest.raises(DataError) as refused:
        waveforms.decode(path, 8000, 5.0)
    assert told in str(refused.value)


def test_unreadable_files_are_named_or_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    root = classes(Path("tones"))
    damaged("truncated").rename(root / "low/000.wav")
    with pytest.raises(DataError, match=r"1 of 12 sounds cannot be read:\n  low/000.wav: it is cut short"):
        read(root)
    columns = read(root, unreadable="leave out")
    assert columns.values["target"].tolist() == [0] * 6 + [1] * 5
    assert "1 unreadable sounds are left out: low/000.wav" in capsys.readouterr().err


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    classes(Path("tones"))
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(DataError, match=r"pip install pellucid\[audio\]"):
        sounds.find(DataSection(source="tones"))


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg"])
@pytest.mark.parametrize("tries", [400, pytest.param(10_000, marks=pytest.mark.slow)])
def test_damaged_bytes_end_in_a_refusal_or_in_samples(ending: str, tries: int) -> None:
    random = np.random.default_rng(7)
    path = Path(f"a.{ending}")
    soundfile.write(path, tone(440, 8000, 0.05), 8000)
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    refused = 0
    for number in range(tries):
        content = whole.copy()
        reach = len(whole) if number % 2 else 64  # half of the damage is done to the header
        places = random.integers(0, reach, random.integers(1, 9))
        content[places] = random.choice(np.array([0, 1, 127, 128, 255, random.integers(256)], np.uint8), len(places))
        path.write_bytes(content[: random.integers(1, len(content) + 1) if number % 5 == 0 else None].tobytes())
        try:
            heard, _ = waveforms.decode(path, 8000, 0.05)
            assert heard.shape == (400,)
        except DataError:
            refused += 1
    assert tries / 10 < refused < tries
