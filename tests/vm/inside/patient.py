"""`python -m tests.vm.inside.patient`: vmedia-bench with the patience of an emulated machine.

A plugin has 5 s to say what it is; here that goes by while its process imports Python's modules.
"""

from functools import partial

from vmedia_bench.backends import plugins
from vmedia_bench.backends.worker import source
from vmedia_bench.cli import main

LIMIT_S = 60.0

if __name__ == "__main__":
    vars(plugins)["DESCRIBE_LIMIT_S"] = LIMIT_S
    vars(source)["WorkerSource"] = partial(
        source.WorkerSource, start_limit=LIMIT_S, silence_limit=LIMIT_S
    )
    main()
