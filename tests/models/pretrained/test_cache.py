"""Forecasts kept on disk: found again, never mixed up, never trusted blindly."""

import numpy as np
import pytest

from ohlcvml._identity import row_keys
from ohlcvml.models.pretrained._cache import LEAST_ROWS, ForecastCache

ROWS = np.random.default_rng(0).standard_normal((40, 3, 2)).astype(np.float32)
KEYS = row_keys(np.arange(40.0))


def test_what_was_written_is_read_in_any_order(tmp_path):
    ForecastCache(tmp_path / "a").write(KEYS[:30], ROWS[:30])
    order = np.random.default_rng(1).permutation(40)
    known, values = ForecastCache(tmp_path / "a").read([KEYS[k] for k in order], (3, 2))
    assert np.array_equal(known, order < 30)
    assert np.array_equal(values[known], ROWS[order[known]])
    assert np.isnan(values[~known]).all()


def test_files_of_others_are_seen(tmp_path):
    one, two = ForecastCache(tmp_path), ForecastCache(tmp_path)
    assert not one.read(KEYS, (3, 2))[0].any()
    two.write(KEYS[:20], ROWS[:20])
    two.write(KEYS[20:], ROWS[20:])
    known, values = one.read(KEYS, (3, 2))
    assert known.all()
    assert np.array_equal(values, ROWS)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_damaged_file_is_computed_again(tmp_path):
    cache = ForecastCache(tmp_path)
    cache.write(KEYS, ROWS)
    cache.read(KEYS, (3, 2))
    file = next(tmp_path.iterdir())
    file.write_bytes(file.read_bytes()[:100])
    assert not cache.read(KEYS, (3, 2))[0].any()
    assert not ForecastCache(tmp_path).read(KEYS, (3, 2))[0].any()


def test_rows_of_another_shape_are_not_taken(tmp_path):
    cache = ForecastCache(tmp_path)
    cache.write(KEYS, ROWS)
    assert not cache.read(KEYS, (3, 5))[0].any()


def test_few_rows_make_no_file(tmp_path):
    ForecastCache(tmp_path / "a").write(KEYS[: LEAST_ROWS - 1], ROWS[: LEAST_ROWS - 1])
    assert not (tmp_path / "a").exists()


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("no folder")
    cache = ForecastCache(tmp_path / "file" / "a")
    cache.write(KEYS, ROWS)
    assert not cache.read(KEYS, (3, 2))[0].any()


@pytest.mark.parametrize("which", [0, 1])
def test_a_key_is_every_bit_of_every_array(which):
    arrays = [np.ones((2, 5, 3)), np.arange(10).reshape(2, 5)]
    before = row_keys(*arrays)
    assert before[0] != before[1]
    flat = arrays[which][1].reshape(-1)
    flat[-1] = np.nextafter(flat[-1], 9) if which == 0 else flat[-1] + 1
    after = row_keys(*arrays)
    assert after[0] == before[0]
    assert after[1] != before[1]
