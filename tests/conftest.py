from hypothesis import settings

settings.register_profile("bunri", deadline=None, max_examples=60)  # a busy machine is slow, not wrong
settings.load_profile("bunri")
