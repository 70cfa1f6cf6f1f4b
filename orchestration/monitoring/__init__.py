"""How all is: health and its checks, problems, statistics, metrics, pools, and the invariants that must hold."""
