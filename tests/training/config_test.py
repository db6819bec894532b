import json

import pytest

pytest.importorskip("tensorflow")
from hierseg_keras.training import RunConfig  # noqa: E402


class RunConfigTest:
    def test_file_round_trip(self, tmp_path):
        config = RunConfig(size=(90, 120), loss="tree_min", manual_dir="/data/camvid")
        config.to_file(tmp_path / "config.json")
        assert RunConfig.from_file(tmp_path / "config.json") == config

    @pytest.mark.parametrize(
        "bad",
        [
            {"loss": "mse"},
            {"optimizer": "adam"},
            {"model": "fcn"},
            {"epochs": 0},
            {"precision": "float16"},
            {"jit_compile": "yes"},
            {"ema_momentum": 1.0},
            {"accumulation_steps": 0},
            {"early_stopping_patience": 0},
            {"method": "hs2"},
            {"analysis_share": 1.0},
            {"ratio": 0.0},
            {"size": 0},
            {"crop_size": (64, 0)},
            {"scale_range": (0.0, 2.0)},
            {"clustering": "random", "method": "hs3", "stages": ("a",)},
            {"stages": ("a",)},
            {"fuse": True, "method": "hssn"},
            {"clusters": ("2",), "method": "deep_supervision", "stages": ("a",)},
        ],
    )
    def test_invalid_values_raise(self, bad):
        with pytest.raises(ValueError, match=next(iter(bad))):
            RunConfig(**bad)

    def test_each_network_has_options_of_its_own(self):
        assert RunConfig().network_options == {"filters": 16, "num_stages": 4}
        config = RunConfig(model="deeplab_v3_plus", output_stride=8, synchronized_batch_norm=True)
        assert (config.backbone, config.output_stride, config.num_stages) == ("resnet50_v2", 8, None)
        with pytest.raises(ValueError, match="`deeplab_v3_plus` expects options among .*Received: num_stages=4"):
            RunConfig(model="deeplab_v3_plus", num_stages=4)

    def test_stages_are_the_networks_where_it_has_some(self, tmp_path):
        config = RunConfig(model="hrnet", method="hs3", clusters=("2", "a\n\tb"))
        assert config.stages == ("stage2", "stage3") and RunConfig().stages is None
        config.to_file(tmp_path / "config.json")
        assert RunConfig.from_file(tmp_path / "config.json") == config
        with pytest.raises(ValueError, match="`hs3` expects `stages`, .* of 'unet'"):
            RunConfig(method="hs3")

    def test_file_of_a_run_from_before_there_were_several_networks(self, tmp_path):
        old = {"dataset": "camvid_tree", "train_split": "train", "validation_split": "val", "tree": None}
        old |= {"model": "unet", "filters": 8, "num_stages": 3, "loss": "tree_min", "optimizer": "sgd"}
        old |= {"learning_rate": 0.1, "power": 0.9, "weight_decay": 0.0, "epochs": 2, "batch_size": 4}
        old |= {"size": [90, 120], "crop_size": None, "seed": 1, "data_dir": None, "manual_dir": None}
        (tmp_path / "config.json").write_text(json.dumps(old))
        config = RunConfig.from_file(tmp_path / "config.json")
        assert config.network_options == {"filters": 8, "num_stages": 3}
        assert (config.size, config.precision, config.method) == ((90, 120), "float32", "plain")
        (tmp_path / "config.json").write_text(json.dumps({**old, "triplet": True}))
        assert RunConfig.from_file(tmp_path / "config.json").method == "hssn"

    def test_depth_is_for_networks_that_take_it(self):
        with pytest.raises(ValueError, match="`max_depth` expects metres.*Received: max_depth=None, model='sa_gate'"):
            RunConfig(model="sa_gate")
        with pytest.raises(ValueError, match="Received: max_depth=10.0, model='unet'"):
            RunConfig(max_depth=10.0)
