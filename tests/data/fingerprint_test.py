import json
import shutil

import pytest

tf = pytest.importorskip("tensorflow")
from hierseg_keras.data.find_builder import find_builder  # noqa: E402
from hierseg_keras.data.fingerprint import fingerprint_of  # noqa: E402


@pytest.fixture
def copy(data_dir, tmp_path):
    """The folder of a copy of `street_blocks`, prepared."""
    return shutil.copytree(data_dir / "street_blocks", tmp_path / "street_blocks") / "1.0.0"


def fingerprint(folder):
    return fingerprint_of(find_builder("street_blocks", str(folder)))


def change(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def in_reverse_order(record):
    """The same record, with its features in the reverse of the order in which they are written."""
    example = tf.train.Example.FromString(record)
    # Merged messages, one after the other, are one message.
    parts = [tf.train.Features(feature={name: example.features.feature[name]}) for name in example.features.feature]
    parts = [part.SerializeToString() for part in parts]
    joined = b"".join(sorted(parts, key=lambda part: -record.index(part)))
    whole = tf.train.Example(features=tf.train.Features.FromString(joined)).SerializeToString()
    return whole[: len(whole) - len(joined)] + joined


class FingerprintOfTest:
    def test_is_the_same_wherever_and_whenever_data_are_prepared(self, data_dir, copy):
        for path in copy.iterdir():
            path.touch()
        assert fingerprint(copy.parents[1]) == fingerprint(data_dir)
        assert len(fingerprint(data_dir)) == len("2:") + 64

    def test_order_of_the_features_in_a_record_does_not_matter(self, data_dir, copy):
        """Each process that prepares the data writes another order."""
        for path in copy.glob("*.tfrecord*"):
            records = [record.numpy() for record in tf.data.TFRecordDataset(str(path))]
            reordered = list(map(in_reverse_order, records))
            assert reordered != records and list(map(len, reordered)) == list(map(len, records))
            with tf.io.TFRecordWriter(str(path)) as writer:
                for record in reordered:
                    writer.write(record)
        assert fingerprint(copy.parents[1]) == fingerprint(data_dir)

    def test_other_records_classes_and_sizes_are_seen(self, data_dir, copy):
        records = sorted(copy.glob("*validation.tfrecord*"))[0]
        seen = {fingerprint(data_dir)}
        for path, position in ((records, 100), (records, -100)):
            change(path, position)
            seen.add(fingerprint(copy.parents[1]))
        metadata = json.loads((copy / "metadata.json").read_text())
        (copy / "metadata.json").write_text(json.dumps({**metadata, "flip_pairs": [["a", "b"]]}))
        seen.add(fingerprint(copy.parents[1]))
        info = (copy / "dataset_info.json").read_text()
        (copy / "dataset_info.json").write_text(info.replace('"100"', '"99"'))
        seen.add(fingerprint(copy.parents[1]))
        records.write_bytes(records.read_bytes() + b"more")
        seen.add(fingerprint(copy.parents[1]))
        assert len(seen) == 6

    def test_what_lies_inside_of_a_large_file_is_not_seen(self, data_dir, copy):
        records = max(copy.glob("*.tfrecord*"), key=lambda path: path.stat().st_size)
        change(records, records.stat().st_size // 2)
        assert fingerprint(copy.parents[1]) == fingerprint(data_dir)
