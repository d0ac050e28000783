"""The tests of HIPS autograd, run with optserve in the place of autograd.

``face`` has autograd's names, ``checking`` its comparison with differences, ``modules`` puts both
where its tests import them, and ``tally`` counts what became of each test.
"""
