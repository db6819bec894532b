from hierseg_keras.messages.nearest_name import did_you_mean


class DidYouMeanTest:
    def test_most_similar_name_is_suggested(self):
        assert did_you_mean("citscapes", ["camvid", "cityscapes"]) == " Did you mean 'cityscapes'?"

    def test_nothing_similar_is_no_sentence(self):
        assert did_you_mean("xyz", ["camvid"]) == did_you_mean(3, []) == ""
