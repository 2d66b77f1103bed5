"""Posted projects: requirement, publishing, questions, addenda."""
