"""Exponents, quartiles and ratios are those computed by hand or by NumPy; a file comes back as it was written, or says what is wrong."""

import dataclasses
import json
import math

import numpy as np
import pytest

from hatnet import complexity, speed
from hatnet.speed import PRODUCT, STEP, Speeds, Trained
from tests.hatnet.measured import HEADER, SETTING, layer, point

SPEEDS = Speeds(
    header=HEADER,
    points=(
        point(),
        point(PRODUCT, "torch", 10_000, 0, (0.5, 1.0, 0.25)),
        point("swin", "timm", seconds=(), peak_bytes=None, left_out="would take about 70 s"),
    ),
    layers=(layer("MHSA", 8, [0.1, 0.3]), layer("MHSA", 16, [1, 2])),
    trained=(Trained(model="a", origin="timm", parameters=3, data="cifar10", minutes=0.5, seconds=31.5, steps=9, batch=128, accuracy=0.5),),
)


def test_a_power_law_has_its_exponent_and_noise_that_of_numpy_s_fit():
    xs = np.array([3136, 6400, 12544, 25600, 65536])
    assert speed.exponent(xs, 3e-6 * xs**1.7) == pytest.approx(1.7)
    noisy = 3e-6 * xs**1.7 * np.array([1.1, 0.9, 1.05, 1.2, 0.8])
    assert speed.exponent(xs, noisy) == pytest.approx(np.polyfit(np.log(xs), np.log(noisy), 1)[0])
    assert speed.exponent([1, 2], [3, 24]) == pytest.approx(3)


@pytest.mark.parametrize("xs, ys, words", [([1], [1], "two different x"), ([2, 2], [1, 3], "two different x"), ([1, 2], [0, 1], "above 0")])
def test_numbers_without_an_exponent(xs, ys, words):
    with pytest.raises(ValueError, match=words):
        speed.exponent(xs, ys)


def test_the_exponents_of_layers_are_those_between_their_medians():
    """On two maps the exponent is a quotient of logarithms. Here time is the formula's MACs, and memory proportional to the tokens."""
    found = []
    for name in ("H-MHSA", "MHSA"):
        for side in (56, 256):
            macs = float(complexity.by_mechanism(side, 48, 8, 8)[name])
            found.append(layer(name, side, [9 * macs / 1e12, macs / 1e12, 0.5 * macs / 1e12], peak_bytes=100 * side**2))
    found.append(layer("windows", 56, [1.0, 1.0]))  # one map has no exponent
    found.append(layer("windows", 256, [], None, left_out="would take about 70 s"))
    exponents = speed.exponents(found)
    assert list(exponents) == ["H-MHSA", "MHSA"]
    n, m, c = 56**2, 256**2, 48
    eq5 = math.log((3 * m * c**2 + 2 * m**2 * c) / (3 * n * c**2 + 2 * n**2 * c), m / n)
    eq15 = math.log((m * c * (4 * c + 2 * 64) + 2 * m / 64 * c * (c + m)) / (n * c * (4 * c + 2 * 64) + 2 * n / 64 * c * (c + n)), m / n)
    assert exponents["MHSA"] == pytest.approx((eq5, 1, eq5)) and exponents["H-MHSA"] == pytest.approx((eq15, 1, eq15))
    assert 1 < eq15 < eq5 < 2


def test_spread_is_numpy_s():
    values = np.random.default_rng(0).random(10)
    assert speed.spread(values.tolist()) == pytest.approx(np.percentile(values, [25, 50, 75]))
    assert speed.spread([3.0]) == (3, 3, 3)


def test_rates_and_ratios_by_hand():
    """8 images of 4,000 MACs in 2, 4 and 1 s; the product of 10,000 MACs in a quarter of the time, and it does not grow with the batch."""
    one, product, _ = SPEEDS.points
    assert one.macs == 32_000 and product.macs == 10_000
    assert one.images_per_second == (3, 4, 6)
    assert one.macs_per_second.median == 16_000
    assert one.times_as_fast_as(product) == (0.25, 0.25, 0.25)
    assert one.times_as_fast_as(product, by_macs=True).median == pytest.approx(0.8)
    step = dataclasses.replace(one, setting=dataclasses.replace(SETTING, work=STEP))
    assert step.macs == 96_000
    # Round by round: 1, 3 and 1/3 times, although the medians are equal.
    ours, theirs = point(seconds=(2, 1, 3)), point(seconds=(2, 3, 1))
    assert ours.times_as_fast_as(theirs).median == 1 and ours.times_as_fast_as(theirs).high == 2


def test_a_file_comes_back_as_it_was_written(tmp_path):
    SPEEDS.write(tmp_path / "a.json")
    assert speed.read(tmp_path / "a.json") == SPEEDS
    assert '"seconds": [ 2.0, 4.0, 1.0 ]' in (tmp_path / "a.json").read_text()  # a line for a list of numbers
    assert speed.read(tmp_path / "a.json").settings == [SETTING]
    assert list(SPEEDS.of(SETTING)) == [("hatnet_tiny", "hatnet"), (PRODUCT, "torch"), ("swin", "timm")]


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda data: data.pop("header"), "a.json has no field 'header'"),
        (lambda data: data.update(more=1), "a.json has a field 'more'; wanted header, points, layers, trained"),
        (lambda data: data.update(points={}), "a.json, points is a dict; wanted a list"),
        (lambda data: data.update(header=[]), "a.json, header holds a list"),
        (lambda data: data["points"].append(3), "a.json, points, entry 4 holds a int"),
        (lambda data: data["points"][0].pop("peak_bytes"), "points, entry 1 has no field 'peak_bytes'"),
        (lambda data: data["points"][1]["setting"].update(work="fast"), "points, entry 2, setting: work is 'fast'; wanted one of forward"),
        (lambda data: data["points"][0].update(seconds=[1, -1]), "points, entry 1: seconds is"),
        (lambda data: data["trained"][0].update(accuracy=51), "trained, entry 1: accuracy is 51.*the nearest is 1"),
        (lambda data: data["layers"][0].update(mechanism="swin"), "layers, entry 1: mechanism is 'swin'"),
    ],
)
def test_a_file_of_another_form_says_where(change, words, tmp_path):
    data = json.loads(json.dumps(dataclasses.asdict(SPEEDS)))
    change(data)
    (tmp_path / "a.json").write_text(json.dumps(data))
    with pytest.raises(ValueError, match=words):
        speed.read(tmp_path / "a.json")


def test_every_field_has_a_range_or_is_one_of_these():
    for kind, ranges in speed.RANGES.items():
        inner = {"setting", "header", "points", "layers", "trained"}
        assert {field.name for field in dataclasses.fields(kind)} - inner == set(ranges), kind
