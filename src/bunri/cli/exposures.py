"""What the samplers do to the classes, in words on stderr."""

from collections.abc import Sequence

from bunri.cli.output import say, table
from bunri.experiment.exposures import SamplerExposure
from bunri.sampling import Exposure, SamplerSettings

HEADER = ("class", "boxes", "share", "sampled", "share")


def say_exposures(exposures: Sequence[SamplerExposure]) -> None:
    """One table for each sampler: boxes of each class in an epoch, without and with it."""
    for one in exposures:
        say(f"sampler of {', '.join(one.models)} ({_in_words(one.sampler)}) on what fold {one.fold} learns from:")
        if one.exposure is None:
            say(f"warning: what it does cannot be told here: {one.reason}")
        else:
            _say_exposure(one.exposure, one.images)


def _say_exposure(seen: Exposure, images: int) -> None:
    columns = (seen.class_names, seen.boxes, seen.share, seen.boxes_sampled, seen.share_sampled)
    rows = [
        (name, boxes, f"{share:.1%}", f"{sampled:.1f}", f"{share_sampled:.1%}")
        for name, boxes, share, sampled, share_sampled in zip(*columns, strict=True)
    ]
    say(table(HEADER, rows))
    ratio = seen.epoch_length_ratio
    say(f"an epoch is {ratio:.3g} times as long: {images * ratio:.1f} images in place of {images}")
    if seen.warning:
        say(f"warning: {seen.warning}")


def _in_words(sampler: SamplerSettings) -> str:
    if sampler.name is None:
        return f"repeat_factor_threshold {sampler.repeat_factor_threshold:g}"
    arguments = ", ".join(f"{name}={value!r}" for name, value in sampler.arguments.items())
    return f"{sampler.name}({arguments})"
