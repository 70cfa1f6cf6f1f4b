"""Plan without a database and without a clock: values in, values out.

Rooms: `types` and `rules` (the words), `slots` (wall time to instants), `calendar` (one channel's
calendar), `budgets` (what staging can do when), `waves`, `distribution`, `priority`, `misfire`, `forecast`.
"""
