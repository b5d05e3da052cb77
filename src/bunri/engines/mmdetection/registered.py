"""Our own classes in MMEngine's registries, so that the config as it runs names all that bunri sets."""


def register() -> None:
    """Register them; registering again replaces."""
    from mmengine.registry import DATA_SAMPLERS, DATASETS, MODELS, OPTIM_WRAPPER_CONSTRUCTORS, PARAM_SCHEDULERS

    from bunri.engines.mmdetection.data import AllPhotos, PlacedPhotos, PlacesSampler, RunPhotos
    from bunri.engines.mmdetection.optimizer import RecipeOptimWrapperConstructor, RecipeSchedule
    from bunri.engines.mmdetection.timm_features import TimmFeatures

    for registry, module in (
        (DATASETS, RunPhotos),
        (DATASETS, PlacedPhotos),
        (DATA_SAMPLERS, PlacesSampler),
        (DATA_SAMPLERS, AllPhotos),
        (OPTIM_WRAPPER_CONSTRUCTORS, RecipeOptimWrapperConstructor),
        (PARAM_SCHEDULERS, RecipeSchedule),
        (MODELS, TimmFeatures),
    ):
        registry.register_module(module=module, force=True)
