"""Who may do what in matching: pure functions of actor, subject and moment."""
