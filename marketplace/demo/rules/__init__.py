"""What the demo world consists of: invented words, names, numbers, fates. Pure; one seed gives one world."""
