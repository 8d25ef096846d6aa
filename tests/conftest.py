"""What holds for all tests."""

from hypothesis import settings

# How long one example takes says more of the machine than of the code; a test that hangs has a timeout.
# The same examples each time: what fails in `make test` is a change's fault, and not luck. `make fuzz` is for luck.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.register_profile("fuzz", deadline=None, derandomize=False, max_examples=2000, print_blob=True)
settings.load_profile("steady")
