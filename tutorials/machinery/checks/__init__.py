"""Checks of what students write in the notebooks, one module for each notebook.

A check calls the student's function on several shapes and compares the result with an independent one: plain loops in NumPy, what torch
counts, or a model whose answer is known. A typical mistake is named, and the answer is not shown. Each side and each count is another
prime where that is possible, so that swapped axes cannot pass.

grading: what all checks share. reference: Eqs. 2 to 13 in loops, for notebooks 1 to 4.
"""
