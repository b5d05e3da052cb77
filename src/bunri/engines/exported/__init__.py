"""Exported models: a network without its framework, and a small JSON that says all the rest.

A network gives raw outputs; photos are made its input and its outputs are made boxes here, in numpy and compiled loops
that give what the framework gives. :mod:`bunri.engines.exported.spec` says what an export holds,
:func:`bunri.engines.exported.model.open_export` opens one.
"""
