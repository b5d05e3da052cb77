"""Keys that no signature tells: groups of a config that MMEngine or MMDetection reads by itself."""

from collections.abc import Mapping

ALWAYS = ("type", "_scope_", "_delete_", "init_cfg")
"""Keys any group with a ``type`` may have."""

LOADER = ("dataset", "sampler", "batch_sampler", "collate_fn", "num_batch_per_epoch", "worker_init_fn")
"""Keys of a data loader beside torch's own."""

PARAMWISE = (
    "bias_lr_mult",
    "bias_decay_mult",
    "bypass_duplicate",
    "custom_keys",
    "dcn_offset_lr_mult",
    "decay_rate",
    "decay_type",
    "dwconv_decay_mult",
    "flat_decay_mult",
    "layer_decay_rate",
    "norm_decay_mult",
    "num_layers",
)
"""Keys MMEngine's and MMDetection's optimizer constructors take."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "env_cfg": ("cudnn_benchmark", "mp_cfg", "dist_cfg", "resource_limit"),
    "auto_scale_lr": ("enable", "base_batch_size"),
    "randomness": ("seed", "diff_rank_seed", "deterministic"),
    "custom_imports": ("imports", "allow_failed_imports"),
    "train_cfg": ("by_epoch", "max_epochs", "max_iters", "val_begin", "val_interval", "dynamic_intervals"),
    "optim_wrapper.clip_grad": ("type", "max_norm", "norm_type", "error_if_nonfinite", "clip_value", "foreach"),
    "optim_wrapper.paramwise_cfg": PARAMWISE,
}
"""Groups without a ``type`` by place, and their keys."""

SUPPRESSION = (
    "type",
    "class_agnostic",
    "iou_thr",
    "iou_threshold",
    "max_num",
    "method",
    "min_score",
    "offset",
    "score_threshold",
    "sigma",
    "split_thr",
)
"""Keys of a group named ``nms``: MMCV hands them on to a function."""

TRAINING = frozenset(
    [
        "allowed_border",
        "alpha",
        "assigner",
        "beta",
        "carl",
        "center_ratio",
        "debug",
        "dynamic_rcnn",
        "ga_assigner",
        "ga_sampler",
        "ignore_ratio",
        "importance_sample_ratio",
        "init",
        "initial_assigner",
        "initial_epoch",
        "isr",
        "mask_size",
        "mask_thr_binary",
        "max_num_grid",
        "max_per_img",
        "min_bbox_size",
        "neg_pos_ratio",
        "nms",
        "nms_post",
        "nms_pre",
        "num_points",
        "oversample_ratio",
        "pos_radius",
        "pos_weight",
        "rcnn",
        "refine",
        "reg_assigner",
        "rpn",
        "rpn_proposal",
        "sampler",
        "smoothl1_beta",
    ]
)
"""Keys of ``model.train_cfg`` in what comes with MMDetection."""

LIMITS = frozenset(
    [
        "chunked_size",
        "conf_thr",
        "corner_topk",
        "distance_threshold",
        "filter_low_score",
        "filter_thr",
        "instance_on",
        "iou_thr",
        "kernel",
        "local_maximum_kernel",
        "mask_thr",
        "mask_thr_binary",
        "max_num",
        "max_per_image",
        "max_per_img",
        "min_bbox_size",
        "nms",
        "nms_across_levels",
        "nms_cfg",
        "nms_post",
        "nms_pre",
        "object_mask_thr",
        "panoptic",
        "panoptic_on",
        "rcnn",
        "rpn",
        "scale_factor",
        "score_thr",
        "score_voting",
        "semantic_on",
        "sigma",
        "subdivision_num_points",
        "subdivision_steps",
        "top_k",
        "topk",
        "with_nms",
    ]
)
"""Keys of ``model.test_cfg`` in what comes with MMDetection."""

FURTHER: Mapping[str, tuple[str, ...]] = {
    "norm_cfg": ("requires_grad",),
    "upsample_cfg": ("scale_factor", "mode", "align_corners"),
    "loss_cls": ("bg_cls_weight",),
    "optim_wrapper": ("constructor", "paramwise_cfg"),
    "param_scheduler": ("end", "convert_to_iter_based"),
    "custom_hooks": ("priority",),
    "default_hooks": ("priority",),
}
"""Keys that are read before the class is made, by the name of the place."""

ANYTHING = ("adapt_cfg", "dcn", "dqs_cfg", "*_trans")
"""Groups whose ``type`` is a word of the module that reads them, or whose keys it picks out."""

FOREIGN = ("transforms", "bbox_params", "keymap")
"""What lies below Albumentations' wrapper belongs to another package."""
