"""Tables of data: readers, the choice of columns, and the arrays that a loss is given."""
