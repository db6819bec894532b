"""Networks whose first argument is the class tree, and what wraps any network."""

from hierseg_keras.models.deeplab_v3_plus import DeepLabV3Plus
from hierseg_keras.models.hrnet import HRNet
from hierseg_keras.models.hrnet_ocr import HRNetOCR
from hierseg_keras.models.hrnet_ocr_scale_attention import HRNetOCRScaleAttention
from hierseg_keras.models.hs3 import HS3
from hierseg_keras.models.hs3_fuse import HS3Fuse
from hierseg_keras.models.hssn import HSSN
from hierseg_keras.models.maskformer import MaskFormer
from hierseg_keras.models.multi_scale import MultiScale
from hierseg_keras.models.profile import LayerProfile, profile
from hierseg_keras.models.sa_gate import SAGate
from hierseg_keras.models.sliding_window import SlidingWindow
from hierseg_keras.models.tree_segmenter import TreeSegmenter
from hierseg_keras.models.unet import UNet

__all__ = [
    "HS3",
    "HS3Fuse",
    "HSSN",
    "DeepLabV3Plus",
    "HRNet",
    "HRNetOCR",
    "HRNetOCRScaleAttention",
    "LayerProfile",
    "MaskFormer",
    "MultiScale",
    "SAGate",
    "SlidingWindow",
    "TreeSegmenter",
    "UNet",
    "profile",
]
