"""How long Hypothesis looks: enough to find what a table forgets, short enough to run on every save."""

import os

from hypothesis import settings

settings.register_profile("domain", max_examples=200, deadline=None)
settings.register_profile("nightly", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "domain"))
