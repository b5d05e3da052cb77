"""The torchvision engine: its detection builders, over its own or timm's backbones, in a training loop of ours."""
