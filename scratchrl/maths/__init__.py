"""Arrays to arrays: the formulas of policy optimisation and their derivatives."""
