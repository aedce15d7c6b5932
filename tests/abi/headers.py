# SPDX-License-Identifier: MIT
"""headers.py LAYOUT-SOURCE CC-LENGTH CC... CXX... INCLUDE...: headers stand alone.

CC-LENGTH is how many words the C compiler's command has, then the C++ compiler's, given
as LENGTH,LENGTH. The other arguments are include directories.
"""

import subprocess
import sys

from tap import Tap

HEADERS = ["spawnx.h", "spawnx/version.h", "spawnx/posix.h"]
STRICT = ["-fsyntax-only", "-pedantic", "-Wall", "-Wextra", "-Wundef", "-Werror"]
C_ONLY = ["-Wstrict-prototypes", "-Wmissing-prototypes"]
DIALECTS = [
    ("c", ["-std=c99"]),
    ("c", ["-std=c11"]),
    ("c", ["-std=c17"]),
    ("c", ["-std=gnu99"]),
    ("c", ["-std=c99", "-D_POSIX_C_SOURCE=200809L"]),
    ("c", ["-std=c11", "-D_GNU_SOURCE"]),
    ("c++", ["-std=c++11"]),
    ("c++", ["-std=c++17"]),
    ("c++", ["-std=c++20"]),
    ("c++", ["-std=c++11", "-fno-exceptions", "-fno-rtti"]),
]

layout, lengths, *words = sys.argv[1:]
cc_length, cxx_length = (int(n) for n in lengths.split(","))
compilers = {"c": words[:cc_length], "c++": words[cc_length : cc_length + cxx_length]}
include = [f"-I{directory}" for directory in words[cc_length + cxx_length :]]
tap = Tap()


def compiles(language, flags, source):
    command = [*compilers[language], "-x", language, *STRICT, *flags, *include, "-"]
    command += C_ONLY if language == "c" else ["-Wnon-virtual-dtor"]
    done = subprocess.run(
        command, input=source, text=True, stderr=subprocess.PIPE, check=False
    )
    return done.returncode == 0, done.stderr


for header in HEADERS:
    for language, flags in DIALECTS:
        # Twice: it must also guard itself.
        source = f"#include <{header}>\n" * 2 + "extern int translation_unit;\n"
        ok, text = compiles(language, flags, source)
        tap.check(f"{header} alone as {language} {' '.join(flags)}", ok, text)

# The POSIX names may come first, last or in between, with ours beside them or not.
CALL = """
int start(void);
int start(void) {
	posix_spawnattr_t a;
	posix_spawn_file_actions_t f;
	pid_t pid;
	char word[] = "x", *argv[] = {word, 0};
	if (posix_spawnattr_init(&a) || posix_spawn_file_actions_init(&f) || AUTOREAP ||
		posix_spawnattr_setflags(&a, POSIX_SPAWN_SETPGROUP))
		return 1;
	return posix_spawn(&pid, "/x", &f, &a, argv, argv);
}
"""
for order in (
    ["spawnx/posix.h", "spawn.h"],
    ["spawn.h", "spawnx/posix.h"],
    ["spawnx/posix.h", "spawn.h", "spawnx.h"],
    ["spawnx/posix.h", "spawnx.h"],
    ["spawnx.h", "spawnx/posix.h"],
    ["spawnx.h", "spawnx/posix.h", "spawn.h"],
):
    ours = "spawnx.h" in order
    source = "".join(f"#include <{header}>\n" for header in order) + CALL.replace(
        "AUTOREAP", "spawnxattr_setautoreap(&a, 1)" if ours else "0"
    )
    for language, flags in (("c", ["-std=c99"]), ("c", ["-std=c11", "-D_GNU_SOURCE"]),
                            ("c++", ["-std=c++11"]), ("c++", ["-std=c++20"])):
        ok, text = compiles(language, flags, source)
        tap.check(f"{', '.join(order)} as {language} {' '.join(flags)}", ok, text)

with open(layout, encoding="utf-8") as file:
    pinned = file.read()
for language, flags in (("c", ["-std=c11"]), ("c++", ["-std=c++11"])):
    ok, text = compiles(language, flags, pinned)
    tap.check(f"sizes, offsets and values are pinned, as {language}", ok, text)
tap.end()
