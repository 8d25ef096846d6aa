"""What holds for all tests."""

from hypothesis import settings

# How long one example takes says more of the machine than of the code; a test that hangs has a timeout.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
