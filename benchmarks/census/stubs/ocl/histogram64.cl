// The text of a kernel, of which a census needs none.
R""()""
