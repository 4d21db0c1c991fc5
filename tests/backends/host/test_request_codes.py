"""The ioctl requests we make are those of the C compiler's videodev2.h."""

import subprocess
from pathlib import Path

from vmedia_bench.backends.host.kernel import REQUESTS
from vmedia_bench.wire.ioctls import IOCTLS, VIDIOC_REMOVE_BUFS


def test_every_request_is_what_the_header_makes_of_it(tmp_path: Path) -> None:
    # Kernel headers before 6.10 lack REMOVE_BUFS.
    numbers = [number for number in IOCTLS if number != VIDIOC_REMOVE_BUFS]
    lines = "".join(
        f'printf("%lu\\n", (unsigned long){IOCTLS[number].name});' for number in numbers
    )
    source = tmp_path / "requests.c"
    source.write_text(
        f"#include <stdio.h>\n#include <linux/videodev2.h>\nint main(void) {{ {lines} return 0; }}"
    )
    program = tmp_path / "requests"
    subprocess.run(["cc", "-o", str(program), str(source)], check=True)
    printed = subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout
    theirs = dict(zip(numbers, map(int, printed.split()), strict=True))
    assert theirs == {number: REQUESTS[number] for number in numbers}
