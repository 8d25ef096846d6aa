"""Why a delivery is where it is, told to a person: the checks, their evidence, and what to do."""
