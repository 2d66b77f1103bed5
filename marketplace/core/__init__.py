"""What every slice stands on: money, time, permission, audit, outbox. Knows no slice, no vendor, no Flask."""
