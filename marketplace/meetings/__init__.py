"""Who meets whom in which round: schedules of talks at a fair."""
