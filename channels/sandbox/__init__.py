"""A GitHub, a YouTube and a video site in miniature, over real HTTP on loopback, for the demo and the tests.

`channels.sandbox.server.Sandbox` is the whole of it in a thread; ``python -m channels.sandbox`` is the same as a
process. Handlers are registered with `channels.sandbox.wire.route`. Nothing here imports Django, and no other code
of the product imports anything from here: it is reached by base URLs only.
"""
