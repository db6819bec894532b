import numpy as np

from hierseg_keras.messages.capped_list import capped, counted


class CappedTest:
    def test_short_lists_stay_whole(self):
        assert capped(["a", "b"], 2) == ["a", "b"]

    def test_the_last_text_tells_how_many_more_there_are(self):
        assert capped(["a", "b", "c", "d"], 2) == ["a", "b", "... and 2 more"]


class CountedTest:
    def test_the_most_frequent_come_first(self):
        assert counted(np.array([3, 7, 9]), np.array([1, 5, 5])) == "7 (5 pixels), 9 (5 pixels), 3 (1 pixel)"
        assert counted(np.arange(9), np.arange(9), most=2) == "8 (8 pixels), 7 (7 pixels), ... and 7 more"
