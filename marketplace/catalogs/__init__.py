"""Areas, the guiding catalogue, annual purchase lists."""
