"""`python -m headend` is `headend`."""

from headend import main

main()
