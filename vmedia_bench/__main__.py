"""`python -m vmedia_bench` is `vmedia-bench`."""

from vmedia_bench.cli import main

main()
