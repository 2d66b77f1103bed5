"""Which fund pays for which project: plans of a foundation, and the projects that fit its purpose."""
