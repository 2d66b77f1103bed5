"""Reads of meetings: what decides a schedule, points, the grid and own lists, sheets of participants."""
