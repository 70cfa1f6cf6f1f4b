"""What a publication says: its fields, their limits, placeholders, and which layer wins. Values in, values out.

`fields` (what there is), `limits` (YouTube's own counting), `placeholders` (typed, in one pass), `checks` (what a person
may write in which layer), `layers` (what stands where), `fitting` (text of a source made to fit), `resolving` (what a
publication says, and where each field came from).

The rules stand in docs/words.md.
"""
