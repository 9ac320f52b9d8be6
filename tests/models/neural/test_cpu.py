"""Memory that stays at hand, and numbers too small to count."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

torch = pytest.importorskip("torch")
resource = pytest.importorskip("resource")

from ohlcvml.models.neural._options import TrainingOptions  # noqa: E402
from ohlcvml.models.neural.training import _cpu  # noqa: E402
from ohlcvml.models.neural.training._cpu import denormals_flushed, freed_memory_kept  # noqa: E402
from ohlcvml.models.neural.training._training import lower  # noqa: E402

glibc_only = pytest.mark.skipif(_cpu._glibc() is None, reason="malloc is not glibc's, or set up")
BLOCK = 48 << 20  # bytes


def faults_of_a_second_block():
    """Pages that the system hands out for a block like one just freed."""
    np.ones(BLOCK, dtype=np.uint8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(BLOCK, dtype=np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@glibc_only
def test_a_freed_block_is_used_again_inside_and_returned_outside():
    n_pages = BLOCK // os.sysconf("SC_PAGE_SIZE")
    with freed_memory_kept():
        with freed_memory_kept():
            pass
        assert faults_of_a_second_block() < n_pages / 100
    assert faults_of_a_second_block() > n_pages / 1000  # huge pages are 512 small ones


@glibc_only
def test_the_last_of_several_threads_lets_go():
    inside, leave = threading.Event(), threading.Event()

    def stay():
        with freed_memory_kept():
            inside.set()
            leave.wait()

    other = threading.Thread(target=stay)
    other.start()
    inside.wait()
    with freed_memory_kept():
        assert _cpu._users == 2
    assert _cpu._users == 1
    leave.set()
    other.join()
    assert _cpu._users == 0


def test_a_malloc_that_the_user_set_up_is_left_alone():
    code = "from ohlcvml.models.neural.training import _cpu; assert _cpu._glibc() is None"
    for name, value in (
        ("MALLOC_TRIM_THRESHOLD_", "1000000"),
        ("GLIBC_TUNABLES", "glibc.malloc.mmap_max=10"),
    ):
        subprocess.run([sys.executable, "-c", code], env=os.environ | {name: value}, check=True)


@pytest.fixture(params=[1, 2])
def n_threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def share_flushed():
    """Of numbers below 1.2e-38 multiplied by 1, over all threads that compute."""
    return float((torch.full((1 << 22,), 1e-39) * 1.0 == 0).double().mean())


def test_small_numbers_are_zero_inside_and_themselves_outside(n_threads):
    assert share_flushed() == 0.0  # and the other threads are started
    with denormals_flushed():
        assert share_flushed() == 1.0
        with denormals_flushed():
            pass
        assert share_flushed() == 1.0
    assert share_flushed() == 0.0


def test_an_error_inside_restores_too():
    with pytest.raises(KeyError), freed_memory_kept(), denormals_flushed():
        raise KeyError
    assert share_flushed() == 0.0
    assert _cpu._users == 0


def test_training_has_both():
    seen = []

    class Watching:
        modules = torch.nn.Linear(1, 1)

        class feed:
            @staticmethod
            def batches(rows, size, generator):
                yield rows

        def backward(self, rows):
            self.modules(torch.ones(1, 1)).sum().backward()
            seen.append((_cpu._users, share_flushed()))
            return 0.0

    options = TrainingOptions(max_epochs=1, progress=False)
    lower(Watching(), np.arange(2), np.arange(0), options, 0, "Watching")
    kept = int(_cpu._glibc() is not None)
    assert seen == [(kept, 1.0)]
    assert _cpu._users == 0
