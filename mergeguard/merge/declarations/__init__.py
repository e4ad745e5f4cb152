"""Three versions of a row of declarations made one: which are there, in what order, under which guards."""
