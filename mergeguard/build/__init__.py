"""Everything that runs a compiler or reads what one wrote: measuring, caching, building, object files.

No other package starts a compiler; the values that come out (``UnitCost``, symbol tables) are judged in
the packages below, which start nothing.
"""
