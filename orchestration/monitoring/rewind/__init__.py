"""Show the plan, the overview and a channel as they were at a past instant, read from the activity log.

What a page shows of the past is what the log has; what it has not is named, and never guessed.
"""
