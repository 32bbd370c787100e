"""Fuzzing: one file a target in ``targets``, each a property that holds for any bytes.

Two engines drive the same targets: hypothesis in ``make test`` (the kept corpus, damaged a little,
the same way each time), atheris in ``make fuzz`` (as long as it is told to, led by coverage).
``corpus/TARGET`` holds the inputs kept, ``found/TARGET`` those that once broke something.
"""
