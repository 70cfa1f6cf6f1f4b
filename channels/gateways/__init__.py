"""The only code that speaks to GitHub and YouTube: dataclasses in and out, errors of `errors.py` raised."""
