"""Reading ahead, batches of equal size, and writing behind: order, bounds and errors."""

import threading
import time

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.prediction import batches, read_ahead, write_behind  # noqa: E402
from hierseg_keras.prediction.find_images import ImageFile  # noqa: E402
from hierseg_keras.prediction.write_behind import writing_behind  # noqa: E402


def eventually(condition):
    """Waits up to a minute until a condition is true, and returns whether it is."""
    end = time.monotonic() + 60
    while not condition() and time.monotonic() < end:
        time.sleep(0.001)
    return condition()


def files(count):
    return (ImageFile(str(index), str(index)) for index in range(count))


def sized(*sizes):
    return [(index, np.zeros((*size, 3), np.uint8)) for index, size in enumerate(sizes)]


def indices(groups):
    return [[index for index, _ in group] for group in groups]


class ReadAheadTest:
    def test_images_come_in_order_and_errors_in_their_place(self):
        def read(image):
            number = int(image.path)
            time.sleep(0.002 * (number % 3))
            if number % 4 == 1:
                raise ValueError(image.path)
            return np.full((1, 1, 3), number, np.uint8)

        results = list(read_ahead.read_ahead(files(20), read, threads=3, count=6))
        assert [image.path for image, _ in results] == [str(index) for index in range(20)]
        for index, (_, result) in enumerate(results):
            assert str(result) == str(index) if index % 4 == 1 else result[0, 0, 0] == index

    def test_number_of_images_that_wait_is_limited(self):
        begun = []
        images = read_ahead.read_ahead(
            files(1000), lambda image: begun.append(image) or np.zeros((1, 1, 3)), 2, count=5
        )
        next(images)
        time.sleep(0.05)
        assert len(begun) <= 6
        images.close()
        assert len(begun) <= 6

    def test_number_of_pixels_that_wait_is_limited(self, monkeypatch):
        monkeypatch.setattr(read_ahead, "MAX_WAITING_PIXELS", 300)
        begun = []

        def read(image):
            begun.append(image)
            return np.zeros((10, 10, 3), np.uint8)

        images = read_ahead.read_ahead(files(1000), read, threads=2, count=50)
        for taken in range(1, 61):
            next(images)
            time.sleep(0.001)
            # 300 pixels are three images, which two more may exceed.
            assert len(begun) - taken <= 5
        images.close()

    def test_reading_goes_on_while_nobody_asks(self):
        begun = []
        images = read_ahead.read_ahead(
            files(1000), lambda image: begun.append(image) or np.zeros((1, 1, 3)), 1, count=9
        )
        next(images)
        assert eventually(lambda: len(begun) >= 9)
        images.close()

    def test_other_errors_are_raised(self):
        def fail(image):
            raise RuntimeError(image)

        with pytest.raises(RuntimeError):
            list(read_ahead.read_ahead(files(3), fail, threads=1, count=2))


class BatchesTest:
    def test_images_of_one_size_keep_their_order(self):
        groups = batches.batches_of_equal_size(sized(*[(2, 3)] * 7), 3)
        assert indices(groups) == [[0, 1, 2], [3, 4, 5], [6]]

    def test_sizes_are_not_mixed(self):
        groups = batches.batches_of_equal_size(sized((2, 3), (3, 2), (2, 3), (3, 2), (2, 3)), 2)
        assert indices(groups) == [[0, 2], [1, 3], [4]]

    def test_image_of_a_rare_size_does_not_wait_for_the_end(self):
        pairs = sized((9, 9), *[(2, 3)] * 1, *[(4 + index, 3) for index in range(40)])
        order = indices(batches.batches_of_equal_size(pairs, 2))
        # At most four batches wait.
        assert order[0] == [0] and sum(order, []) == list(range(42))

    def test_number_of_images_that_wait_is_limited(self):
        drawn = []
        pairs = (drawn.append(index) or pair for index, pair in enumerate(sized(*[(1, 1 + n) for n in range(100)])))
        for done, _ in enumerate(batches.batches_of_equal_size(pairs, 2), start=1):
            assert len(drawn) - done <= 8

    def test_number_of_pixels_that_wait_is_limited(self, monkeypatch):
        monkeypatch.setattr(batches, "_MAX_WAITING_PIXELS", 100)
        drawn = []
        pairs = (drawn.append(pair[0]) or pair for pair in sized((9, 9), (9, 8), (9, 7)))
        groups = batches.batches_of_equal_size(pairs, 8)
        assert indices([next(groups)]) == [[0]] and drawn == [0, 1]
        assert indices(groups) == [[1], [2]]

    def test_default_size_is_smaller_for_large_images(self, monkeypatch):
        monkeypatch.setattr(batches, "MAX_BATCH_PIXELS", 20)
        assert indices(batches.batches_of_equal_size(sized(*[(2, 3)] * 6))) == [[0, 1, 2], [3, 4, 5]]
        assert indices(batches.batches_of_equal_size(sized(*[(5, 5)] * 2))) == [[0], [1]]
        # Images may count as what they are resized to.
        enlarged = batches.batches_of_equal_size(sized(*[(2, 3)] * 3), num_pixels=lambda height, width: 10)
        assert indices(enlarged) == [[0, 1], [2]]
        # A size that is asked for holds.
        assert indices(batches.batches_of_equal_size(sized(*[(5, 5)] * 2), 2)) == [[0, 1]]

    def test_default_size_is_8(self):
        assert [len(group) for group in batches.batches_of_equal_size(sized(*[(2, 3)] * 17))] == [8, 8, 1]


class WriteBehindTest:
    def test_all_functions_have_run_at_the_end(self):
        done = []
        with writing_behind(threads=2, count=3) as behind:
            for index in range(20):
                behind.submit(1, done.append, index)
        assert sorted(done) == list(range(20)) and behind.num_done == 20

    @pytest.mark.parametrize("count, num_pixels, limit", [(2, 1, 2), (9, 40, 2), (9, 200, 1)])
    def test_number_of_functions_and_pixels_that_wait_is_limited(self, count, num_pixels, limit, monkeypatch):
        monkeypatch.setattr(write_behind, "MAX_WAITING_PIXELS", 100)
        go, submitted = threading.Event(), []

        def submit_all(behind):
            for index in range(6):
                behind.submit(num_pixels, go.wait)
                submitted.append(index)

        with writing_behind(threads=1, count=count) as behind:
            thread = threading.Thread(target=submit_all, args=(behind,))
            thread.start()
            eventually(lambda: len(submitted) >= limit)
            time.sleep(0.05)
            num_submitted = len(submitted)
            # Before any assertion, because the block ends only when the functions have ended.
            go.set()
            thread.join()
        assert num_submitted == limit and behind.num_done == 6

    def test_first_error_ends_it_and_the_rest_is_not_run(self):
        done = []

        def fail():
            raise OSError("full")

        with pytest.raises(OSError, match="full"), writing_behind(threads=1, count=2) as behind:
            behind.submit(1, fail)
            for index in range(50):
                behind.submit(1, lambda index=index: done.append(index) or time.sleep(0.002))
        assert len(done) < 5

    def test_interruption_does_not_run_what_waits(self):
        done, go = [], threading.Event()
        with pytest.raises(KeyboardInterrupt), writing_behind(threads=1, count=60) as behind:
            behind.submit(1, go.wait, 60)
            for index in range(50):
                behind.submit(1, done.append, index)
            # The first function ends once the last one is canceled.
            behind._waiting[-1][1].add_done_callback(lambda _: go.set())
            raise KeyboardInterrupt
        assert not done
