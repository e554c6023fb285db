"""The world: environments, rollouts and what is remembered of them."""
