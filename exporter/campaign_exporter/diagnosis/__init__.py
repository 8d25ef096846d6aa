"""Why a delivery is where it is: facts in, one cause out. Pure."""
