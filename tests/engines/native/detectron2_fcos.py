"""A small FCOS over timm's test network as a LazyConfig."""

import torch
from detectron2.config import LazyCall
from detectron2.data import DatasetMapper, build_detection_test_loader, build_detection_train_loader, transforms
from detectron2.layers import ShapeSpec
from detectron2.modeling.backbone import FPN
from detectron2.modeling.meta_arch.fcos import FCOS, FCOSHead
from detectron2.solver import WarmupParamScheduler
from detectron2.solver.build import get_default_optimizer_params
from fvcore.common.param_scheduler import CosineParamScheduler

from bunri.engines.detectron2.backbones import TimmBackbone

model = LazyCall(FCOS)(
    backbone=LazyCall(FPN)(
        bottom_up=LazyCall(TimmBackbone)(name="test_resnet", out_features=["res3", "res4"], norm="live"),
        in_features="${.bottom_up.out_features}",
        out_channels=32,
    ),
    head=LazyCall(FCOSHead)(
        input_shape=[ShapeSpec(channels=32)] * 2,
        num_classes="${..num_classes}",
        conv_dims=[32],
        norm="GN",
    ),
    num_classes=80,
    head_in_features=["p3", "p4"],
    pixel_mean=[127.5, 127.5, 127.5],
    pixel_std=[60.0, 60.0, 60.0],
)
dataloader = {
    "train": LazyCall(build_detection_train_loader)(
        dataset=None,
        mapper=LazyCall(DatasetMapper)(
            is_train=True,
            augmentations=[
                LazyCall(transforms.ResizeShortestEdge)(short_edge_length=[96], sample_style="choice", max_size=160),
                LazyCall(transforms.RandomFlip)(horizontal=True),
            ],
            image_format="RGB",
        ),
        total_batch_size=4,
        num_workers=0,
    ),
    "test": LazyCall(build_detection_test_loader)(
        dataset=None,
        mapper=LazyCall(DatasetMapper)(
            is_train=False,
            augmentations=[LazyCall(transforms.ResizeShortestEdge)(short_edge_length=96, max_size=160)],
            image_format="${...train.mapper.image_format}",
        ),
    ),
}
optimizer = LazyCall(torch.optim.AdamW)(
    params=LazyCall(get_default_optimizer_params)(base_lr="${..lr}", weight_decay_norm=0.0), lr=0.004, weight_decay=0.01
)
lr_multiplier = LazyCall(WarmupParamScheduler)(
    scheduler=LazyCall(CosineParamScheduler)(start_value=1.0, end_value=0.01), warmup_factor=0.1, warmup_length=0.05
)
train = {"output_dir": "./output", "init_checkpoint": "", "max_iter": 160, "eval_period": 40, "amp": {"enabled": False}}
