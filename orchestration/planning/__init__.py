"""Plan without a database and without a clock: values in, values out.

The words: `types` (what comes in, and plans), `answers` (what goes out beside them), `rules` (codes and titles),
`obstacles` (what forbids a time).

Time and room: `slots` (wall time to instants), `calendar` (one channel's calendar), `budgets` (what staging can do when),
`reservations` (which day's budget pays for staging), `unit_days` (which day's units pay for making public).

A wave: `waves` (the entry), `eligibility` (who may take part), `timings` (which instants are wanted), `wave_placer`
(each member gets its own), `conflict_log` and `conflicts` (what collided, in sentences), `earliest` (the first time at
which nothing moves).

A distribution: `distribution` (the entry), `filters` and `filter_bits` (who takes what), `ranking` (best first),
`distribution_state` (slots, caps and staging as they fill).

Beside them: `misfire` (what becomes of what is late), `forecast`, `priority`, `gc_pause`.
"""
