import pathlib

import pytest

from hierseg_keras.files import written_beside, written_into
from hierseg_keras.files.local_path import check_local


class CheckLocalTest:
    @pytest.mark.parametrize("path", ["gs://bucket/run", pathlib.Path("s3://bucket/run"), "hdfs:/folder"])
    def test_addresses_are_refused(self, path):
        with pytest.raises(ValueError, match="expected a path on this machine. Received: .* Use a local or mounted"):
            check_local(path)

    @pytest.mark.parametrize("path", ["runs/a", "/runs/a:b/c", pathlib.Path("C:/runs"), "a:", "./gs:/bucket"])
    def test_local_paths_pass(self, path):
        check_local(path)

    def test_nothing_is_written(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ValueError, match="gs:/bucket"), written_into("gs:/bucket/folder"):
            pass
        with pytest.raises(ValueError, match="gs:/bucket"), written_beside(pathlib.Path("gs://bucket/file")):
            pass
        assert not any(tmp_path.iterdir())
