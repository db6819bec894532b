"""Networks that take a class tree as their first argument, and wrappers for any network."""

from hierseg_keras.models.graph.class_prior import set_class_prior
from hierseg_keras.models.graph.profile import LayerProfile, profile
from hierseg_keras.models.networks.deeplab_v3_plus import DeepLabV3Plus
from hierseg_keras.models.networks.hrnet import HRNet
from hierseg_keras.models.networks.hrnet_ocr import HRNetOCR
from hierseg_keras.models.networks.hrnet_ocr_scale_attention import HRNetOCRScaleAttention
from hierseg_keras.models.networks.maskformer import MaskFormer
from hierseg_keras.models.networks.sa_gate import SAGate
from hierseg_keras.models.networks.unet import UNet
from hierseg_keras.models.tree_network import TreeNetwork
from hierseg_keras.models.wrappers.calibrated import Calibrated
from hierseg_keras.models.wrappers.hs3 import HS3
from hierseg_keras.models.wrappers.hs3_fuse import HS3Fuse
from hierseg_keras.models.wrappers.hssn import HSSN
from hierseg_keras.models.wrappers.mask_classification import MaskClassification
from hierseg_keras.models.wrappers.mask_classifier import MaskClassifier
from hierseg_keras.models.wrappers.multi_scale import MultiScale
from hierseg_keras.models.wrappers.resized import Resized
from hierseg_keras.models.wrappers.sliding_window import SlidingWindow
from hierseg_keras.models.wrappers.tree_segmenter import TreeSegmenter

__all__ = [
    "HS3",
    "HS3Fuse",
    "HSSN",
    "Calibrated",
    "DeepLabV3Plus",
    "HRNet",
    "HRNetOCR",
    "HRNetOCRScaleAttention",
    "LayerProfile",
    "MaskClassification",
    "MaskClassifier",
    "MaskFormer",
    "MultiScale",
    "Resized",
    "SAGate",
    "SlidingWindow",
    "TreeNetwork",
    "TreeSegmenter",
    "UNet",
    "profile",
    "set_class_prior",
]
