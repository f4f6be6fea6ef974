"""How long Hypothesis looks: enough to find what a table forgets, short enough to run on every save."""

from hypothesis import settings

settings.register_profile("domain", max_examples=200, deadline=None)
settings.load_profile("domain")
