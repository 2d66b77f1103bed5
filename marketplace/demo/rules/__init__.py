"""What the demo world consists of: invented words, names, numbers and fates. Pure; the same seed gives the same world."""
