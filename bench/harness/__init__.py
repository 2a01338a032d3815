"""The side-by-side comparison: processes and their CPU time, the servers' configurations, the rounds, the report."""
